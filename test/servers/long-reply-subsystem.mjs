// A NETCONF server (base:1.0) on standard input and output, for sshd to run as a subsystem. `<fill>600000</fill>` is answered with that many
// characters, every other request with <ok/> and its own length.
const END = "]]>]]>";
const capability = "<capability>urn:ietf:params:netconf:base:1.0</capability>";
process.stdout.write(
  `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>${capability}</capabilities><session-id>${process.pid}</session-id></hello>${END}`,
);
let received = "";
process.stdin.setEncoding("utf8").on("data", (text) => {
  received += text;
  for (let at = received.indexOf(END); at >= 0; at = received.indexOf(END)) {
    const message = received.slice(0, at);
    received = received.slice(at + END.length);
    const id = /message-id="(\d+)"/.exec(message)?.[1];
    if (id === undefined) continue;
    const length = Number(/<fill[^>]*>(\d+)</.exec(message)?.[1] ?? 0);
    // Numbered pieces: a piece that is lost or comes twice is seen.
    let body = "";
    for (let line = 0; body.length < length; line += 1) body += `${line}-of-${length};`;
    const content = length === 0 ? `<ok/><length>${message.length}</length>` : `<data>${body.slice(0, length)}</data>`;
    process.stdout.write(`<rpc-reply message-id="${id}">${content}</rpc-reply>${END}`);
    if (message.includes("close-session")) process.stdout.end(() => process.exit(0));
  }
});
process.stdin.on("end", () => process.exit(0));

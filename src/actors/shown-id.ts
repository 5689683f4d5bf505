/** An id as it may stand in a message and in a log, whatever a client made of it. */
export function shownId(id: string): string {
  return /^[\w.-]{1,64}$/.test(id) ? id : JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}...` : id);
}

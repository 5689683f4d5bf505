#!/bin/sh
# Makes what a deployment keeps secret, in a new folder: two authorities, certificates of NATS, etcd and the program,
# passwords, and the key of sealed secrets.
#
#   make-secrets.sh FOLDER [NAME...]
#
# NAMEs are further DNS names or IP addresses of the servers' certificates, beside those of compose.yaml and
# kubernetes/. The folder is closed to everybody else. What the program reads is its user's in the image alone (10001; that needs root),
# the servers' files are readable, since their containers read them as another user. Certificates are good for 825 days (SIGNALBOX_CERTIFICATE_DAYS).
set -eu
umask 022

[ $# -ge 1 ] || { echo "usage: make-secrets.sh FOLDER [NAME...]" >&2; exit 2; }
folder=$1
shift
days=${SIGNALBOX_CERTIFICATE_DAYS:-825}
[ ! -e "$folder" ] || { echo "make-secrets.sh: $folder is there already; nothing was changed" >&2; exit 1; }
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

names=DNS:localhost,IP:127.0.0.1
for server in nats etcd; do
  for n in 0 1 2; do
    names=$names,DNS:$server-$n,DNS:$server-$n.$server,DNS:$server-$n.$server.signalbox.svc
  done
  names=$names,DNS:$server,DNS:$server.signalbox.svc
done
for name in "$@"; do
  case $name in
    *:* | *[!0-9.]*) case $name in *:*) names=$names,IP:$name ;; *) names=$names,DNS:$name ;; esac ;;
    *) names=$names,IP:$name ;;
  esac
done

# authority FILE NAME
authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -x509 -new -sha256 -key "$1.key" -days 3650 -subj "/CN=$2" -out "$1.pem" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# certificate FILE NAME AUTHORITY USAGE [ALTERNATIVE NAMES]
certificate() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -sha256 -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  {
    echo "basicConstraints=critical,CA:FALSE"
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$4"
    [ $# -lt 5 ] || echo "subjectAltName=$5"
  } >"$1.ext"
  openssl x509 -req -sha256 -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days "$days" \
    -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

authority ca "Signalbox servers and clients"
authority peer-ca "Signalbox servers among themselves"
certificate nats-server nats ca serverAuth "$names"
certificate nats-peer nats peer-ca serverAuth,clientAuth "$names"
# etcd's own health check shows the server's certificate as a client.
certificate etcd-server etcd ca serverAuth,clientAuth "$names"
certificate etcd-peer etcd peer-ca serverAuth,clientAuth "$names"
certificate signalbox signalbox ca clientAuth

secret() { openssl rand -hex 32; }
system=$(secret)
program=$(secret)
api=$(secret)
secret >key
admin=$(secret)
printf '%s\n' "$admin" >admin-token
# The program needs the digest only: docs/access.md says how further ones are added.
printf 'tokens:\n  - { name: admin, role: admin, sha256: %s }\n' \
  "$(printf %s "$admin" | openssl dgst -sha256 -r | cut -d' ' -f1)" >tokens.yaml
printf '%s\n' "$program" >nats-password
printf '%s\n' "$api" >api-password
{
  printf 'SYSTEM_PASSWORD: "%s"\n' "$system"
  printf 'SIGNALBOX_PASSWORD: "%s"\n' "$program"
  printf 'API_PASSWORD: "%s"\n' "$api"
} >passwords.conf

# The authorities' keys are for whoever issues further certificates: away from the servers, please.
mkdir -m 700 authorities
mv ca.key peer-ca.key ./*.srl authorities/
chmod 644 ./*.pem ./*.key passwords.conf
# The program refuses secrets that others can read. In its image it is the user 10001.
own='key tokens.yaml nats-password signalbox.key'
chmod 600 $own api-password admin-token authorities/*
if [ "$(id -u)" = 0 ]; then
  # shellcheck disable=SC2086
  chown 10001:10001 $own
else
  echo "make-secrets.sh: for containers, give these to the image's user: (cd $folder && sudo chown 10001:10001 $own)" >&2
fi

#!/bin/sh
# HTTP server: nginx with one worker, and no log of its requests, as no peer has.
#
# Run: sh serve.sh HOST:PORT [CHAIN KEY]
#
# With a certificate, and its key, it is a server of HTTPS.
#
# Choices made for fairness:
# - `return` answers with the 13 bytes from memory;
# - 64 KiB, which no configuration can hold, are a file that is opened once and
#   leaves by sendfile: what nginx is best at;
# - a connection lasts for as many requests as its client likes;
# - TLS as it comes, with tickets and no memory of sessions.

set -eu
# It is where only root looks.
PATH=$PATH:/usr/local/sbin:/usr/sbin

folder=$(mktemp -d)
server=
end() {
    trap '' TERM INT
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap 'exit 0' TERM INT
trap end EXIT

# 4096 times 16 letters.
text=0123456789abcdef
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    text=$text$text
done
printf %s "$text" >"$folder/64k"

# A worker of root's nginx is another user's otherwise, who may not read it.
user=
[ "$(id -u)" != 0 ] || user='user root;'

tls=
certificate=
if [ $# -ge 3 ]; then
    tls=ssl
    certificate="ssl_certificate $2; ssl_certificate_key $3; ssl_protocols TLSv1.2 TLSv1.3;"
fi

cat >"$folder/nginx.conf" <<END
$user
worker_processes 1;
daemon off;
pid $folder/pid;
error_log stderr;
events {
    worker_connections 16384;
}
http {
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen $1 $tls backlog=1024;
        $certificate
        location = / {
            return 200 "Hello, world!";
        }
        location = /64k {
            root $folder;
        }
    }
}
END

nginx -e stderr -p "$folder" -c "$folder/nginx.conf" &
server=$!
wait "$server"

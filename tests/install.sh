#!/usr/bin/env bash
# What `make package` made, on bare Debian 12 and 13: makes minbase chroots, installs the .deb in a network namespace that has no way
# out, starts the service's own command line as its own user, opens it from another network namespace over --lan with the authority
# trusted, kills it, upgrades from a previous package with data, goes back with a backup, removes and purges; the archive, as a plain
# user under other languages; then boots a whole system with systemd in a container, cuts its power and boots it again. Leaves nothing
# behind. Needs root and mmdebstrap; takes its packages from where this machine does.
#   tests/install.sh [--keep] [--previous FILE.deb] [bookworm] [trixie]
# Chroots made before may be used again: GONGSHU_CHROOTS=FOLDER with SUITE.tar by `mmdebstrap --variant=minbase SUITE SUITE.tar`.
# Without --previous the former package is this program under the version 0.0.9.
set -euo pipefail
cd "$(dirname "$0")/.."
keep=0 previous= suites=()
while [ $# -gt 0 ]; do
  case "$1" in
    --keep) keep=1; shift ;;
    --previous) previous=$(realpath "$2"); shift 2 ;;
    bookworm | trixie) suites+=("$1"); shift ;;
    *) echo "usage: tests/install.sh [--keep] [--previous FILE.deb] [bookworm] [trixie]" >&2; exit 2 ;;
  esac
done
[ "${#suites[@]}" -gt 0 ] || suites=(bookworm trixie)
[ "$(id -u)" = 0 ] || { echo "tests/install.sh needs root: it makes chroots and network namespaces" >&2; exit 2; }
for command in mmdebstrap ip curl setpriv nsenter; do
  command -v "$command" >/dev/null || { echo "$command is missing: apt install mmdebstrap iproute2 curl util-linux" >&2; exit 2; }
done
version=$(sed -n 's/.*kVersion = "\(.*\)".*/\1/p' src/app/version.h)
deb=$PWD/build/package/gongshu_${version}_amd64.deb archive=$PWD/build/package/gongshu-$version-linux-amd64.tar.gz
image=$PWD/build/package/gongshu-$version-oci-amd64.tar
for file in "$deb" "$archive"; do [ -f "$file" ] || { echo "$file is missing: make package" >&2; exit 2; }; done

work=$(mktemp -d /var/tmp/gongshu-install.XXXXXX)
server_net=gongshu-server-$$ client_net=gongshu-client-$$
program_pid= nspawn_pid= leader= nspawn=()
finish() {
  local status=$? root pid
  for pid in $leader $program_pid $nspawn_pid; do kill -KILL "$pid" 2>/dev/null || true; done
  { wait || true; } 2>/dev/null
  for net in "$server_net" "$client_net"; do ip netns del "$net" 2>/dev/null || true; done
  for root in "$work"/*/; do
    for mount in proc dev; do ! mountpoint -q "$root/$mount" 2>/dev/null || umount -l "$root/$mount"; done
  done
  if [ "$keep" = 1 ]; then echo "kept: $work"; else rm -rf --one-file-system "$work"; fi
  [ "$status" = 0 ] || echo "tests/install.sh FAILED after $SECONDS s" >&2
}
trap finish EXIT
say() { printf '%5d s  %s\n' "$SECONDS" "$1"; }
fail() { echo "$1" >&2; exit 1; }

# Two machines on one wire: the server's, and a client's that reaches nothing but it.
ip netns add "$server_net"
ip netns add "$client_net"
ip link add gsv0 netns "$server_net" type veth peer name gsv0 netns "$client_net"
ip -n "$server_net" addr add 10.77.0.1/24 dev gsv0
ip -n "$client_net" addr add 10.77.0.2/24 dev gsv0
for net in "$server_net" "$client_net"; do ip -n "$net" link set lo up; ip -n "$net" link set gsv0 up; done
[ -z "$(ip -n "$server_net" route show default)" ] || fail "the server's network has a way out"

offline() { unshare -n chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL="${language:-C}" "$@"; }
in_server() { if [ -n "$leader" ]; then nsenter -t "$leader" -n -- "$@"; else ip netns exec "$server_net" "$@"; fi; }
in_client() { ip netns exec "$client_net" "$@"; }
json() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# As the unit has it: its user, its folders, no rights, its command line. systemd itself is no part of a chroot.
unit=usr/lib/systemd/system/gongshu.service
directive() { sed -n "s/^$1=//p" "$root/$unit"; }
start_service() {
  local user
  user=$(directive User)
  install -d -m "$(directive RuntimeDirectoryMode)" -o "$(chroot "$root" id -u "$user")" -g "$(chroot "$root" id -g "$user")" "$root/run/$(directive RuntimeDirectory)"
  rm -f "$root/run/gongshu/ready.json"
  # shellcheck disable=SC2046  # a command line is several words
  ip netns exec "$server_net" chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin LC_ALL="${language:-C}" setpriv --reuid "$user" --regid "$user" --init-groups \
    --no-new-privs --bounding-set=-all --inh-caps=-all sh -c "umask $(directive UMask); cd $(directive WorkingDirectory); exec $(directive ExecStart)" \
    > "$root/tmp/service.log" 2>&1 &
  program_pid=$!
  wait_ready "$root/run/gongshu/ready.json" "$root/tmp/service.log"
}
wait_ready() {
  local i
  for ((i = 0; i < 600; ++i)); do
    [ ! -s "$1" ] || return 0
    [ -d "/proc/$program_pid" ] || { cat "$2" >&2; fail "the program ended before it was ready"; }
    read -rt 0.1 < /dev/zero || true
  done
  cat "$2" >&2
  fail "not ready after 60 s"
}
stop_service() {  # SIGNAL, exit code
  local code=0
  kill -"$1" "$program_pid"
  { wait "$program_pid" || code=$?; } 2>/dev/null
  program_pid=
  [ "$code" = "$2" ] || fail "after SIG$1 the program ended with $code, not $2"
}

api() { in_server curl -sS --fail-with-body -u "admin:$password" -H 'Content-Type: application/json' "$@"; }
page=http://127.0.0.1:8080
check_open() {
  in_server curl -sSf "$page/" | grep -q '<div id="app"' || fail "no page"
  in_server curl -sSf "$page/healthz" | grep -q '"ok"' || fail "not healthy"
  api "$page/api/v1/kinds" | grep -q '"connections"' || fail "no interface"
}
write_readings() {  # FIRST COUNT: one reading a second, value = number
  local i lines=
  for ((i = $1; i < $1 + $2; ++i)); do lines+="machine,site=works speed=$i $((moment + i))"$'\n'; done
  api --data-binary "$lines" "$page/api/v1/write?precision=s" || fail "the readings were not taken"
}
check_readings() {  # COUNT: numbers 0 … COUNT-1, each once
  api "$page/api/v1/read?tag=$(find_tag)&from=$((moment - 1))000000000&to=$((moment + 100000))000000000&format=csv&points=100000" |
    tail -n +2 | cut -d, -f4 > "$work/readings"
  seq 0 $(($1 - 1)) | cmp -s - "$work/readings" || fail "$(wc -l < "$work/readings") readings are not the $1 that were acknowledged: $(head -n 3 "$work/readings")"
}
find_tag() { api "$page/api/v1/tags?limit=10" | grep -oE '"[^"]*machine[^"]*speed[^"]*"' | head -n 1 | tr -d '"' | sed 's|/|%2F|g'; }

unpack() {  # SUITE NAME PACKAGES…: a chroot in $work/NAME
  local from=${GONGSHU_CHROOTS:-/nowhere}/$2.tar
  if [ -f "$from" ]; then mkdir "$work/$2" && tar -C "$work/$2" -xf "$from"; return; fi
  mmdebstrap --quiet --variant=minbase --mode=root ${3:+"--include=$3"} "$1" "$work/$2" > "$work/$2.log" 2>&1 || { cat "$work/$2.log" >&2; fail "no chroot of $1"; }
}

stand() {  # SUITE
  root=$work/$1
  unpack "$1" "$1"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --make-rslave "$root/dev"
  install -m 0644 "$deb" "$previous" "$archive" "$root/tmp/"
  say "$1: a bare Debian $(cat "$root/etc/debian_version") stands ($(du -sh --one-file-system "$root" | cut -f1), glibc $(chroot "$root" ldd --version | sed -n '1s/.* //p'))"
}
listing() { (cd "$root" && find etc usr opt var run -xdev ! -path 'var/lib/dpkg/*' ! -path 'var/cache/*' ! -path 'var/log/*' ! -name '*-' ! -path 'etc/.pwd.lock' | sort); }
install_deb() {  # FILE
  offline dpkg --force-confold -i "/tmp/$(basename "$1")" > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log" >&2; fail "dpkg -i $1"; }
  offline dpkg --verify gongshu | grep -v '^??5??????  *c ' && fail "files of the package differ" || true
}

check_unit() {  # a root with this machine's targets and the package's service
  local root=$work/unit
  rm -rf "$root"
  mkdir -p "$root/usr/lib/systemd/system" "$root/usr/bin"
  ln -s usr/bin "$root/bin"
  cp -a /usr/lib/systemd/system/*.target "$root/usr/lib/systemd/system/"
  dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" -x
  install -m 0755 /bin/sh "$root/usr/bin/sh"
  systemd-analyze verify --root="$root" --man=no gongshu.service > "$work/verify" 2>&1 || { cat "$work/verify" >&2; fail "systemd-analyze verify"; }
  if grep gongshu "$work/verify"; then fail "systemd-analyze verify complains"; fi
  say "systemd-analyze verify: no complaint; $(systemd-analyze security --offline=yes --root="$root" gongshu.service 2>/dev/null | tail -n 1 | sed 's/[^ -~]//g; s/^ *//')"
}

check_deb() {
  listing > "$work/before"
  install_deb "$previous"
  [ "$(offline dpkg-query -W -f '${db:Status-Status}' gongshu)" = installed ] || fail "not installed"
  offline dpkg-reconfigure -f noninteractive gongshu 2>/dev/null || offline sh /var/lib/dpkg/info/gongshu.postinst configure || fail "postinst twice"
  offline getent passwd gongshu | grep -q ':/var/lib/gongshu:/usr/sbin/nologin$' || fail "no user gongshu"
  say "dpkg -i $(basename "$previous") without a network: $(offline gongshu version), user $(offline id gongshu)"
  if [ -L "$root/etc/systemd/system/multi-user.target.wants/gongshu.service" ]; then say "the service is enabled: it starts with the machine"
  else fail "the service is not enabled"; fi
  if command -v systemd-analyze >/dev/null && [ -f /usr/lib/systemd/system/sysinit.target ]; then check_unit
  else say "NOT TRIED: systemd-analyze verify, since this machine has no systemd"; fi

  moment=$(($(date +%s) - 200000))
  start_service
  password=$(json password < "$root/run/gongshu/ready.json")
  [ -n "$password" ] || fail "no first sign-in in ready.json"
  [ "$(awk '/^Uid/ { print $2 }' "/proc/$program_pid/status")" = "$(chroot "$root" id -u gongshu)" ] || fail "runs as another user"
  grep -q '^CapBnd:[[:space:]]*0*$' "/proc/$program_pid/status" || fail "has rights of root"
  if grep -qE '/(libssl|libsoci|libboost|libudunits2|libsqlite3|libfmt)[^ ]*$' <(grep -v /usr/lib/gongshu/ "/proc/$program_pid/maps"); then fail "uses libraries of the machine"; fi
  check_open
  # Units and time zones are found.
  api -X PUT "$page/api/v1/device_types/pump" -d '{"spec":{"title_en":"Pump","properties":[{"name":"temperature","type":"number","unit":"degC"}]}}' > /dev/null
  api -X PUT "$page/api/v1/sites/works" -d '{"spec":{"title_en":"Works","time_zone":"Asia/Shanghai"}}' > /dev/null
  write_readings 0 1000
  check_readings 1000
  say "started as $(directive User) by the unit's command line: page and interface answer, 1000 readings kept; $(awk '/VmRSS/ { printf "%.0f MB", $2 / 1000 }' "/proc/$program_pid/status") in memory"

  stop_service KILL 137
  start_service
  check_readings 1000
  write_readings 1000 500
  stop_service KILL 137
  start_service
  check_readings 1500
  say "killed twice as by a power cut: all 1500 readings are there"

  printf '%s\n' "$password" > "$root/tmp/password"
  chmod 644 "$root/tmp/password"
  backup=$(ip netns exec "$server_net" chroot "$root" gongshu backup --user admin --password-file /tmp/password | sed 's/ is whole.*//')
  [ -d "$root$backup" ] || fail "no backup: $backup"
  stop_service TERM 0

  # The options are edited, as people do; an upgrade leaves that alone.
  sed -i 's/^# lan: true/lan: true/' "$root/etc/gongshu/gongshu.yaml"
  start_service
  https=$(grep -oE '"https://10\.77\.0\.1:[0-9]+' "$root/run/gongshu/ready.json" | head -n 1 | tr -d '"')
  [ -n "$https" ] || fail "no door in the plant's network: $(cat "$root/run/gongshu/ready.json")"
  in_client curl -sSfk "$https/ca.crt" -o "$work/ca.crt"
  cmp "$work/ca.crt" "$root/var/lib/gongshu/keys/ca.crt" || fail "another authority"
  in_client curl -sSf --cacert "$work/ca.crt" "$https/" | grep -q '<div id="app"' || fail "no page over the network"
  in_client curl -sSf --cacert "$work/ca.crt" -u "admin:$password" "$https/api/v1/kinds" > /dev/null || fail "no interface over the network"
  if in_client curl -sf "$https/healthz"; then fail "a certificate of nobody known was trusted"; fi
  if in_client curl -sf --max-time 3 "http://10.77.0.1:8080/healthz"; then fail "open without TLS"; fi
  say "another machine opened $https with its authority trusted; without it, and without TLS, it cannot"

  install_deb "$deb"
  grep -q '^lan: true' "$root/etc/gongshu/gongshu.yaml" || fail "the upgrade lost an edited option"
  stop_service TERM 0
  # The same program under another number wrote as this one does: without its number the history is of before, all the same.
  [ "$former_is_this" = 0 ] || rm -f "$root/var/lib/gongshu/data/history/FORMAT"
  offline setpriv --reuid gongshu --regid gongshu --init-groups gongshu upgrade --check --data /var/lib/gongshu/data > "$work/upgrade.log" 2>&1 || { cat "$work/upgrade.log" >&2; fail "upgrade --check"; }
  to_come=$(grep '^to come' "$work/upgrade.log" || true)
  [ -z "$to_come" ] || printf '%s\n' "$to_come" | sed 's/^/         /'
  start_service
  if [ -n "$to_come" ]; then cp "$root/var/lib/gongshu/data/UPGRADES" "$work/upgrades" || fail "the upgrade noted nothing"; fi
  [ "$(offline dpkg-query -W -f '${Version}' gongshu)" = "$version" ] || fail "not upgraded"
  check_readings 1500
  write_readings 1500 250
  check_readings 1750
  api "$page/api/v1/sites/works" | grep -q Asia/Shanghai || fail "a resource is lost"
  say "upgraded $(dpkg-deb -f "$previous" Version) -> $version while it ran: data, options and first password are there, 250 readings more"
  stop_service TERM 0

  # Back by what the upgrade kept by itself: the readings of that moment are there, those since lie beside.
  if [ -n "$to_come" ]; then
    offline setpriv --reuid gongshu --regid gongshu --init-groups gongshu downgrade --data /var/lib/gongshu/data > "$work/downgrade.log" 2>&1 || { cat "$work/downgrade.log" >&2; fail "downgrade"; }
    install_deb "$previous"
    start_service
    check_readings 1500
    stop_service TERM 0
    say "went back to $(offline dpkg-query -W -f '${Version}' gongshu) by what the upgrade kept ($(cut -d' ' -f3-8 "$work/upgrades" | tr '\n' ' ')): its 1500 readings are there"
    sed 's/^/         /' "$work/downgrade.log"
    [ "$former_is_this" = 0 ] || say "NOT TRIED: that a former program reads what was kept, since this one played it (--previous FILE.deb)"
    [ "$former_is_this" = 0 ] || rm -f "$root/var/lib/gongshu/data/history/FORMAT"
    install_deb "$deb"
    start_service
    check_readings 1500
    write_readings 1500 10
    check_readings 1510
    stop_service TERM 0
    say "and upgraded again"
  else
    say "NOT TRIED: back by what the upgrade kept, since it changed no tables and no formats"
  fi

  install_deb "$previous"
  offline setpriv --reuid gongshu --regid gongshu --init-groups sh -c "umask 077; gongshu restore '$backup' --data /var/lib/gongshu/restored" > "$work/restore.log" 2>&1 || { cat "$work/restore.log" >&2; fail "restore"; }
  mv "$root/var/lib/gongshu/data" "$root/var/lib/gongshu/data.new" && mv "$root/var/lib/gongshu/restored" "$root/var/lib/gongshu/data"
  start_service
  check_readings 1500
  say "went back to $(offline dpkg-query -W -f '${Version}' gongshu) with the backup: its 1500 readings are there"
  stop_service TERM 0

  offline dpkg -r gongshu > /dev/null 2>&1
  [ ! -e "$root/usr/bin/gongshu" ] && [ ! -e "$root/$unit" ] || fail "remove left the program"
  [ -d "$root/var/lib/gongshu/data" ] && [ -f "$root/etc/gongshu/gongshu.yaml" ] || fail "remove took data or options"
  install_deb "$deb"
  start_service
  check_readings 1500
  stop_service TERM 0
  say "removed and installed again: data and options are there"
  offline dpkg -P gongshu > /dev/null 2>&1
  [ -d "$root/var/lib/gongshu/data" ] && [ -d "$root/var/lib/gongshu/keys" ] || fail "purge took the data"
  [ ! -e "$root/etc/gongshu" ] && [ ! -e "$root/var/log/gongshu" ] || fail "purge left options or logs"
  offline getent passwd gongshu > /dev/null || fail "purge took the owner of the data"
  install_deb "$deb"
  unshare -n chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin GONGSHU_REMOVE_DATA=yes dpkg -P gongshu > /dev/null 2>&1
  ! offline getent passwd gongshu > /dev/null || fail "the user is left"
  rm -rf "$root/run/gongshu"
  listing > "$work/after"
  diff "$work/before" "$work/after" || fail "purge with GONGSHU_REMOVE_DATA=yes left files"
  install_deb "$deb"
  offline dpkg -P gongshu > /dev/null 2>&1
  listing | diff "$work/before" - || fail "purge left files where no data were"
  say "purged: data stay unless GONGSHU_REMOVE_DATA=yes; then, and where there were none, nothing is left"
}

check_archive() {  # LOCALE…
  local name=gongshu-$version-linux-amd64 log=$root/tmp/archive.log
  rm -rf "$root/srv/plain"
  install -d -o 65534 -g 65534 "$root/srv/plain"
  offline setpriv --reuid 65534 --regid 65534 --clear-groups tar -C /srv/plain -xzf "/tmp/$(basename "$archive")"
  [ "$(offline "/srv/plain/$name/gongshu" version)" = "gongshu $version" ] || fail "the archive's program does not start"
  for language in "$@"; do
    rm -rf "$root/srv/plain/data"* "$root/srv/plain/ready.json"
    ip netns exec "$server_net" chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin LC_ALL="$language" LANG="$language" setpriv --reuid 65534 --regid 65534 --clear-groups \
      --no-new-privs "/srv/plain/$name/gongshu" serve --data /srv/plain/data --ready-json /srv/plain/ready.json > "$log" 2>&1 &
    program_pid=$!
    wait_ready "$root/srv/plain/ready.json" "$log"
    password=$(json password < "$root/srv/plain/ready.json")
    if grep -E '/[^ ]*\.so[^ ]*$' "/proc/$program_pid/maps" | grep -vE "/srv/plain/$name/lib/gongshu/|/(libc|libm|ld-linux-x86-64|libpthread)\.so"; then fail "uses libraries of the machine"; fi
    check_open
    api -X PUT "$page/api/v1/device_types/pump" -d '{"spec":{"title_en":"Pump","properties":[{"name":"temperature","type":"number","unit":"degC"}]}}' > /dev/null
    api -X PUT "$page/api/v1/sites/works" -d '{"spec":{"title_zh":"工厂","time_zone":"Europe/Istanbul"}}' > /dev/null
    moment=$(($(date +%s) - 200000))
    write_readings 0 100
    check_readings 100
    stop_service TERM 0
  done
  language=
  say "the archive, as a plain user, with LC_ALL = $*: page, interface and readings; only glibc is the machine's"
}

# A whole system in a container: systemd starts the service with all that the unit says of rights, folders and restarts.
boot() {
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 "${nspawn[@]}" --quiet --register=no --keep-unit --private-network --machine="gongshu-$$" --console=pipe \
    -D "$root" -b < /dev/null > "$work/boot.log" 2>&1 &
  nspawn_pid=$!
  local i
  for ((i = 0; i < 900; ++i)); do
    leader=$(cat "/proc/$nspawn_pid/task/$nspawn_pid/children" 2>/dev/null | awk '{ print $1 }')
    [ -z "$leader" ] || program=$(inside systemctl show -p MainPID --value gongshu.service 2>/dev/null || true)
    if [ -n "${program:-}" ] && [ "$program" != 0 ] && inside test -s /run/gongshu/ready.json; then return 0; fi
    [ -d "/proc/$nspawn_pid" ] || { cat "$work/boot.log" >&2; return 1; }
    read -rt 0.1 < /dev/zero || true
  done
  inside journalctl -n 30 --no-pager -u gongshu >&2 || true
  return 1
}
inside() { nsenter -t "$leader" -m -u -i -n -p -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"; }
# The first process of the container takes all others with it, all at once.
power_cut() { kill -KILL "$leader"; { wait "$nspawn_pid" || true; } 2>/dev/null; nspawn_pid= leader= program=; }
again() {  # PID: waits until systemd has started another
  local i
  for ((i = 0; i < 300; ++i)); do
    program=$(inside systemctl show -p MainPID --value gongshu.service)
    if [ "$program" != 0 ] && [ "$program" != "$1" ] && in_server curl -sf "$page/healthz" > /dev/null; then return 0; fi
    read -rt 0.1 < /dev/zero || true
  done
  fail "systemd did not start it again"
}
check_boot() {  # SUITE
  local began old
  unpack "$1" "$1-systemd" systemd-sysv,dbus,systemd-container
  root=$work/$1-systemd
  # The container's program: this machine's, else the one of the first system that runs here.
  if [ "${#nspawn[@]}" = 0 ]; then
    if command -v systemd-nspawn > /dev/null; then nspawn=(systemd-nspawn)
    else nspawn=(env "LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu/systemd" "$root/usr/bin/systemd-nspawn"); fi
    if ! "${nspawn[@]}" --version > /dev/null 2>&1; then nspawn=(); say "NOT TRIED: $1 booted with systemd, since systemd-nspawn does not run here"; return; fi
  fi
  install -m 0644 "$deb" "$root/tmp/"
  install_deb "$deb"
  # Inside, /tmp is made anew at each start.
  install -m 0644 "$deb" "$root/root/"
  began=$SECONDS
  boot || fail "the service did not come up with the system"
  inside cat /run/gongshu/ready.json > "$work/ready.json"
  password=$(json password < "$work/ready.json")
  [ "$(inside stat -c '%U %a' /run/gongshu/ready.json /var/lib/gongshu /run/gongshu | tr '\n' ' ')" = "gongshu 600 gongshu 750 gongshu 700 " ] || fail "rights of the folders"
  ! inside journalctl --no-pager | grep -qF "$password" || fail "the first password stands in the journal"
  inside grep -q '^Max open files  *1048576\|^Max open files  *[0-9]\{5,\}' "/proc/$program/limits" || fail "descriptors: $(inside grep open "/proc/$program/limits")"
  moment=$(($(date +%s) - 200000))
  check_open
  write_readings 0 1000
  say "$1 booted with systemd $(inside systemctl --version | sed -n '1s/.*(\(.*\))/\1/p'): the service came up by itself $((SECONDS - began)) s later as $(inside stat -c %U "/proc/$program")"
  old=$program
  inside sh -c "kill -KILL $old"
  again "$old"
  check_readings 1000
  write_readings 1000 500
  power_cut
  boot || fail "the service did not come up after the power cut"
  check_readings 1500
  say "killed: systemd started it again; the whole system's power cut and booted again: it serves, all 1500 readings are there"
  old=$program
  inside systemctl reload gongshu
  [ "$(inside systemctl show -p MainPID --value gongshu.service)" = "$old" ] || fail "a reload ended it"
  inside dpkg --force-confold -i "/root/$(basename "$deb")" > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log" >&2; fail "dpkg -i in the running system"; }
  grep -q 'first sign-in.*one_time=' "$work/dpkg.log" || { cat "$work/dpkg.log" >&2; fail "no first sign-in told"; }
  again "$old"
  check_readings 1500
  inside dpkg -r gongshu > /dev/null 2>&1
  [ "$(inside systemctl is-active gongshu.service || true)" = inactive ] || fail "still runs after remove"
  say "installed anew in the running system: restarted, the link of the first sign-in told; removed: stopped"
  power_cut
}

# The image of tools/image.sh, if it was made: its blobs, its settings, and its command line as its user from its own files.
check_image() {
  local layout=$work/layout user entry health
  mkdir "$layout"
  tar -C "$layout" -xf "$image"
  (cd "$layout/blobs/sha256" && for blob in *; do echo "$blob  $blob"; done | sha256sum --quiet -c) || fail "a blob of the image is not what its name says"
  /usr/bin/python3 - "$layout" "$version" > "$work/image.sh" <<'PYTHON' || fail "the settings of the image"
import gzip, hashlib, json, pathlib, shlex, sys
layout, version = pathlib.Path(sys.argv[1]), sys.argv[2]
def blob(told):
    path = layout / "blobs" / told["digest"].replace(":", "/")
    assert path.stat().st_size == told["size"], told
    return path
assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
entry, = json.loads((layout / "index.json").read_text())["manifests"]
assert entry["annotations"]["org.opencontainers.image.ref.name"] == version
manifest = json.loads(blob(entry).read_text())
config = json.loads(blob(manifest["config"]).read_text())
layer, = manifest["layers"]
assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(gzip.decompress(blob(layer).read_bytes())).hexdigest()]
assert len(list((layout / "blobs/sha256").iterdir())) == 3
how = config["config"]
assert how["Volumes"] == {"/var/lib/gongshu": {}} and set(how["ExposedPorts"]) == {"8080/tcp", "8883/tcp"}, how
print(f"layer={blob(layer)}\nuser={how['User']}\nentry={shlex.quote(shlex.join(how['Entrypoint'] + how['Cmd']))}")
print(f"health={shlex.quote(shlex.join(how['Healthcheck']['Test'][1:]))}")
PYTHON
  local layer
  # shellcheck disable=SC1091  # written above
  . "$work/image.sh"
  root=$work/image
  if command -v umoci > /dev/null; then umoci unpack --image "$layout:$version" "$work/bundle" > /dev/null && mv "$work/bundle/rootfs" "$root"; say "umoci unpacked the image"
  else mkdir "$root"; tar -C "$root" -xzf "$layer"; say "NOT TRIED: umoci, which is not installed"; fi
  if command -v skopeo > /dev/null; then skopeo inspect "oci:$layout:$version" | grep -q '"Architecture": "amd64"' || fail "skopeo inspect"; say "skopeo reads the image"
  else say "NOT TRIED: skopeo, which is not installed"; fi
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --make-rslave "$root/dev"
  [ "${user%%:*}" = gongshu ] || fail "the image runs as $user"
  ip netns exec "$server_net" chroot --userspec="$user" "$root" /usr/bin/env -i PATH=/usr/bin:/bin sh -c "cd /var/lib/gongshu; exec $entry" > "$work/image.log" 2>&1 &
  program_pid=$!
  wait_ready "$root/var/lib/gongshu/ready.json" "$work/image.log"
  password=$(json password < "$root/var/lib/gongshu/ready.json")
  moment=$(($(date +%s) - 200000))
  check_open
  write_readings 0 100
  check_readings 100
  in_client curl -sSfk https://10.77.0.1:8080/ca.crt -o "$work/ca.crt"
  in_client curl -sSf --cacert "$work/ca.crt" https://10.77.0.1:8080/healthz > /dev/null || fail "the image is not open to others"
  ip netns exec "$server_net" chroot --userspec="$user" "$root" sh -c "$health" || fail "the health check of a healthy program"
  stop_service TERM 0
  ! ip netns exec "$server_net" chroot --userspec="$user" "$root" sh -c "$health" 2> /dev/null || fail "the health check of no program"
  say "the OCI image ($(ls -l "$image" | awk '{ printf "%.1f MB", $5 / 1e6 }')): hashes and settings fit, started as $user by its own command line, health check, open over TLS"
  umount -l "$root/proc" "$root/dev"
}

former_is_this=0
if [ -z "$previous" ]; then
  former_is_this=1
  tools/package.sh --version 0.0.9 --out "$work/previous" deb > /dev/null
  previous=$work/previous/gongshu_0.0.9_amd64.deb
fi
# It may have the name of this one.
cp "$previous" "$work/previous.deb"
previous=$work/previous.deb
say "packages: $(ls -l "$deb" | awk '{ printf "%.1f MB", $5 / 1e6 }') .deb, $(ls -l "$archive" | awk '{ printf "%.1f MB", $5 / 1e6 }') archive"
for suite in "${suites[@]}"; do
  stand "$suite"
  check_deb
  locales=(C C.UTF-8)
  if [ -d /usr/share/i18n/charmaps ]; then
    cp -a /usr/share/i18n "$root/usr/share/"
    for one in zh_CN.GBK:GBK tr_TR.UTF-8:UTF-8; do
      chroot "$root" localedef -i "${one%%.*}" -f "${one##*:}" "${one%%:*}" 2>/dev/null || true
      [ -z "$(chroot "$root" locale -a 2>/dev/null | grep -i "^${one%%.*}")" ] || locales+=("${one%%:*}")
    done
  else
    say "NOT TRIED: zh_CN.GBK and tr_TR.UTF-8, since this machine has no sources of locales (package locales)"
  fi
  check_archive "${locales[@]}"
  umount -l "$root/proc" "$root/dev"
done
if [ -f "$image" ]; then check_image; else say "NOT TRIED: the OCI image, which was not made (make image)"; fi
for suite in "${suites[@]}"; do check_boot "$suite"; done
say "all passed"

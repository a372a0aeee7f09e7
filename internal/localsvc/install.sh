# Installs the Debian packages named as arguments, as root, so that no server
# is started or created by the installation. Whatever it changes on the machine
# for that (policy-rc.d, createcluster.conf) is as before when it ends.
set -eu
export DEBIAN_FRONTEND=noninteractive

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
saved=.before-dbfleet

# One installation at a time: tests of several packages run side by side.
exec 9>/run/dbfleet-install.lock
flock 9

restore() {
	for file in "$policy" "$clusters"; do
		if [ -e "$file$saved" ]; then
			mv -f "$file$saved" "$file"
		elif [ -e "$file$saved.none" ]; then
			rm -f "$file" "$file$saved.none"
		fi
	done
}
restore # what an earlier run was killed over
trap restore EXIT
trap 'exit 1' HUP INT TERM

# keep FILE: remember how FILE is now.
keep() {
	if [ -e "$1" ]; then cp -a "$1" "$1$saved"; else : >"$1$saved.none"; fi
}

# apt ARGS: apt-get without questions, waiting for another one's lock.
apt() {
	apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -qq -y "$@" </dev/null
}

keep "$policy"
printf '#!/bin/sh\nexit 101\n' >"$policy.new"
chmod 755 "$policy.new"
mv -f "$policy.new" "$policy"

apt update
case " $* " in
*" postgresql "*)
	# The package with the configuration first: the server's package creates
	# a cluster unless it says otherwise.
	apt install --no-install-recommends postgresql-common
	keep "$clusters"
	printf 'create_main_cluster = false\n' >>"$clusters"
	;;
esac
apt install --no-install-recommends "$@"

# shellcheck shell=bash
# Where the machine keeps Debian's package index, and how to read it. Sourced by script/demo and test/data/make-sample.

APT_LISTS=	# a line for each index file that apt left here: the release's name, the size in bytes, the file

# Finds the index files. Asks apt rather than the folder: it knows which of them are in use.
find_apt_lists() {
	local architecture kind arch component release file
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 0
	architecture=$(dpkg --print-architecture)
	# shellcheck disable=SC2016 # apt's own variables
	APT_LISTS=$(apt-get indextargets --format '$(CREATED_BY)|$(ARCHITECTURE)|$(COMPONENT)|$(RELEASE)|$(FILENAME)' \
		2>/dev/null | while IFS='|' read -r kind arch component release file; do
			[[ $kind == Packages && $arch == "$architecture" && $component == main && -r $file ]] || continue
			printf '%s\t%s\t%s\n' "$release" "$(stat -c %s "$file")" "$file"
		done)
}

# The release whose index is the largest and that has an -updates or -security index beside it; empty if there is none.
apt_release() {
	sort -k2,2nr <<< "$APT_LISTS" | awk -F'\t' '
		{ seen[$1] = 1; order[NR] = $1 }
		END {
			for (i = 1; i <= NR; i++)
				if (order[i] !~ /-(updates|security)$/ && (seen[order[i] "-updates"] || seen[order[i] "-security"])) {
					print order[i]
					exit
				}
		}'
}

# The index files of one release, such as bookworm or bookworm-security, as text. apt keeps them plain or packed; its
# own helper reads both.
apt_packages() {
	local release file
	while IFS=$'\t' read -r release _ file; do
		[[ $release == "$1" ]] || continue
		/usr/lib/apt/apt-helper cat-file "$file"
		echo
	done <<< "$APT_LISTS"
}

# Turns Debian's Packages files into lines for COPY: one line per package, in the column order of table "incoming"
# (tables.sql). A field that a package lacks becomes \N, that is NULL.

function text(value) {
	if (value == "")
		return "\\N"
	gsub(/\\/, "\\\\", value)
	gsub(/\t/, " ", value)
	return value
}

function flush_package(    source, source_version, depends) {
	if (field["Package"] == "")
		return
	# "Source: name (version)": left out where it equals the package's own.
	source = field["Package"]
	source_version = field["Version"]
	if (field["Source"] != "") {
		source = field["Source"]
		if (match(source, / \(.*\)$/)) {
			source_version = substr(source, RSTART + 2, RLENGTH - 3)
			source = substr(source, 1, RSTART - 1)
		}
	}
	depends = field["Depends"]
	if (field["Pre-Depends"] != "")
		depends = field["Pre-Depends"] (depends == "" ? "" : ", ") depends
	# The maintainer's name is enough; the mail address stays out.
	sub(/ *<.*$/, "", field["Maintainer"])
	print list "\t" text(field["Package"]) "\t" text(field["Version"]) "\t" text(field["Architecture"]) \
		"\t" text(field["Section"]) "\t" text(field["Priority"]) "\t" text(field["Maintainer"]) \
		"\t" text(source) "\t" text(source_version) "\t" text(field["MD5sum"]) "\t" text(field["SHA256"]) \
		"\t" text(field["Installed-Size"]) "\t" text(field["Size"]) "\t" text(depends)
	split("", field)
}

/^$/      { flush_package(); next }
/^[ \t]/  { next }
          { colon = index($0, ": "); if (colon) field[substr($0, 1, colon - 1)] = substr($0, colon + 2) }
END       { flush_package() }

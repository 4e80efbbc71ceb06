module openpcc/tools/vectors/hpke

go 1.26

// The inputs of `openpcc measure` as files and as words on the command line.
#pragma once

#include "measure.h"

namespace openpcc::app {

inline constexpr size_t kMeasuredBytesMax = size_t{512} << 20;

// read_input reads a file that is measured. Errors: app.file.read, app.file.too_large.
Result<Bytes> read_input(const std::filesystem::path& path);
// read_start reads at most `bytes` of a disk or its image.
Result<Bytes> read_start(const std::filesystem::path& path, size_t bytes);

// read_part takes a file, of which `digest_of` gives what is hashed, or "sha384:HEX".   app.measure.digest   not 48 bytes of hexadecimal
using Measured = std::function<Result<Bytes>(ByteSpan)>;
Result<measure::Part> read_part(const std::string& input, const std::string& text, const Measured& digest_of = {});

// read_variables reads the Secure Boot variables; nullopt where none was given.
Result<std::optional<measure::Variables>> read_variables(const SecureBootOptions& options);

// read_extend makes the step that --extend describes: REGISTER=KIND[:ARGUMENT].
//   app.measure.extend   another shape, register or kind
Result<measure::Extend> read_extend(const std::string& text, std::string_view technology, measure::Bank bank);

// read_id_key reads a P-384 public key in PEM into the bytes that an ID block's authentication has.   app.measure.id_key   anything else
Result<Bytes> read_id_key(const std::filesystem::path& path);

}  // namespace openpcc::app

#include "openpcc/measure/trace.h"

#include <algorithm>

#include "openpcc/crypto/hash.h"

namespace openpcc::measure {
namespace {

template <class Array>
Bytes to_bytes(const Array& array) {
  return Bytes(array.begin(), array.end());
}

}  // namespace

std::string_view to_string(Bank bank) {
  switch (bank) {
    case Bank::sha256: return "sha256";
    case Bank::sha384: return "sha384";
    case Bank::sha512: return "sha512";
  }
  return "unknown";
}

std::optional<Bank> bank_of(std::string_view name) {
  for (const Bank bank : {Bank::sha256, Bank::sha384, Bank::sha512}) {
    if (name == to_string(bank)) return bank;
  }
  return std::nullopt;
}

Bytes digest(Bank bank, ByteSpan bytes) {
  switch (bank) {
    case Bank::sha256: return to_bytes(crypto::sha256(bytes));
    case Bank::sha384: return to_bytes(crypto::sha384(bytes));
    case Bank::sha512: return to_bytes(crypto::sha512(bytes));
  }
  return {};
}

size_t digest_bytes(Bank bank) { return bank == Bank::sha256 ? 32 : bank == Bank::sha384 ? 48 : 64; }

ByteSpan Measurement::value(std::string_view reg) const {
  const auto found = std::ranges::find(registers, reg, &Register::name);
  return found == registers.end() ? ByteSpan() : ByteSpan(found->value);
}

std::string_view Measurement::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters, name, &std::pair<std::string, std::string>::first);
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

Bytes& Replayer::value(const std::string& reg) {
  const auto found = std::ranges::find(registers_, reg, &Register::name);
  if (found != registers_.end()) return found->value;
  return registers_.emplace_back(reg, Bytes(digest_bytes(bank_))).value;
}

void Replayer::start(const std::string& reg, Bytes start) {
  OPENPCC_CHECK(start.size() == digest_bytes(bank_));
  value(reg) = std::move(start);
}

void Replayer::extend(Extend step) {
  OPENPCC_CHECK(step.digest.size() == digest_bytes(bank_));
  Bytes& reg = value(step.reg);
  reg = digest(bank_, concat({reg, step.digest}));
  step.after = reg;
  trace_.push_back(std::move(step));
}

void Replayer::finish(Measurement& out) && {
  out.bank = bank_;
  out.registers.insert(out.registers.end(), std::make_move_iterator(registers_.begin()), std::make_move_iterator(registers_.end()));
  out.trace.insert(out.trace.end(), std::make_move_iterator(trace_.begin()), std::make_move_iterator(trace_.end()));
}

}  // namespace openpcc::measure

// Evidence from the machine's own TPM, through tpm2-tss (TCG TSS 2.0 Enhanced System API). What comes back are the bytes that a verifier takes;
// nothing is judged here. For guests: no verifier links this library. The system's libtss2 and its libcrypto are loaded when a TPM is opened.
// What the TPM refuses is told by the error, and not printed as tpm2-tss would, but where TSS2_LOG says so.
#pragma once

#include <memory>

#include "openpcc/tpm/quote.h"

namespace openpcc::tpm_collect {

// Nv reads and writes indices of a TPM's non-volatile storage, in which clouds keep certificates and reports.
class Nv {
 public:
  virtual ~Nv() = default;
  // size is how many bytes an index holds; what it holds is not touched.
  //   tpm_collect.nv   no such index, or one that may not be read or written; names it
  virtual Result<size_t> size(uint32_t index) = 0;
  virtual Result<Bytes> read(uint32_t index) = 0;
  // write defines the index where it is not there.
  virtual Result<> write(uint32_t index, ByteSpan bytes) = 0;
};

enum class Hierarchy : uint8_t { null, owner, endorsement };
enum class KeyKind : uint8_t { rsa_2048, ecc_p256 };

// Quoted is what one TPM2_Quote gives, with the key that signed it.
struct Quoted {
  Bytes quote;      // TPMS_ATTEST
  Bytes signature;  // TPMT_SIGNATURE
  Bytes key;        // TPMT_PUBLIC
};
// Collected is what a verifier needs of one quote.
struct Collected : Quoted {
  tpm::Banks values;
};

// Quoter is a TPM's PCRs, and one key that signs them.
class Quoter {
 public:
  virtual ~Quoter() = default;
  // sign_pcrs has the key sign the PCRs as they are, and the nonce, at most tpm::kNonceBytesMax bytes.
  //   tpm_collect.command   the TPM refused, and why
  virtual Result<Quoted> sign_pcrs(ByteSpan nonce, const tpm::Selections& selections) = 0;
  // read_pcrs reads what the selections name.
  virtual Result<tpm::Banks> read_pcrs(const tpm::Selections& selections) = 0;
};

inline constexpr int kQuoteTries = 5;

// collect_quote makes a quote and reads the values that it covers. Anything may extend a PCR in between: then both are made again, kQuoteTries
// times in all.
//   tpm_collect.quote    what the TPM gave is no quote or no signature, with the parser's rule
//   tpm_collect.racing   the PCRs change faster than they can be read (unavailable)
//   those of the quoter
Result<Collected> collect_quote(Quoter& quoter, ByteSpan nonce, const tpm::Selections& selections);

// Tpm is a connection to a TPM. One object, one thread. A call takes as long as the TPM does: tenths of a second.
class Tpm final : public Nv {
 public:
  // Key is a key that is loaded while the object lives. The Tpm outlives it.
  class Key {
   public:
    Key(Key&&) noexcept;
    Key& operator=(Key&&) noexcept;
    ~Key();
    ByteSpan public_area() const;  // TPMT_PUBLIC

   private:
    friend class Tpm;
    struct State;
    explicit Key(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };

  // open connects as tpm2-tss names TPMs: "device:/dev/tpmrm0", "swtpm:path=/run/tpm".
  //   tpm_collect.open   there is none        tpm_collect.library   tpm2-tss is not installed (unsupported)
  static Result<Tpm> open(const std::string& tcti);
  Tpm(Tpm&&) noexcept;
  Tpm& operator=(Tpm&&) noexcept;
  ~Tpm() override;

  // create_key makes a restricted signing key (RSASSA or ECDSA with SHA-256). Under one hierarchy the same TPM makes the same key again, but
  // under null only until it restarts.
  //   tpm_collect.command   the TPM refused, and why
  Result<Key> create_key(KeyKind kind, Hierarchy hierarchy);
  // create_key_like makes the key that a template (TPMT_PUBLIC) describes.
  Result<Key> create_key_like(ByteSpan key_template, Hierarchy hierarchy);
  // key_at is the key at a persistent handle.
  Result<Key> key_at(uint32_t handle);

  // read_pcrs reads what the selections name.
  Result<tpm::Banks> read_pcrs(const tpm::Selections& selections);
  // sign is one TPM2_Quote; quote is collect_quote with this key.
  Result<Quoted> sign(const Key& key, ByteSpan nonce, const tpm::Selections& selections);
  Result<Collected> quote(const Key& key, ByteSpan nonce, const tpm::Selections& selections);

  Result<size_t> size(uint32_t index) override;
  Result<Bytes> read(uint32_t index) override;
  Result<> write(uint32_t index, ByteSpan bytes) override;

 private:
  struct Connection;
  explicit Tpm(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// read_event_log reads a boot's log, at most tpm::kLogBytesMax bytes.
//   tpm_collect.log   it cannot be read, or is larger
inline constexpr const char* kEventLogFile = "/sys/kernel/security/tpm0/binary_bios_measurements";
Result<Bytes> read_event_log(const std::string& file = kEventLogFile);

}  // namespace openpcc::tpm_collect

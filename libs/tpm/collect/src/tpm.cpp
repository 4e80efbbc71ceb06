// Spec: TCG TSS 2.0 Enhanced System API; TPM 2.0 library specification, part 3.
#include "openpcc/tpm_collect/tpm.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tss.h"

namespace openpcc::tpm_collect {
namespace {

constexpr Rule kOpen = "tpm_collect.open";
constexpr Rule kCommand = "tpm_collect.command";
constexpr Rule kNv = "tpm_collect.nv";
constexpr size_t kNvChunkBytes = 512;  // no TPM takes less in one command
constexpr size_t kNvBytesMax = 16u << 10;
constexpr TPMA_OBJECT kAttests = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH;

// Given is memory that Esys allocated.
template <class T>
struct Free {
  void operator()(T* given) const { tss()->free(given); }
};
template <class T>
using Given = std::unique_ptr<T, Free<T>>;

// index_text is an index as operators write it: "NV index 0x01400001".
std::string index_text(uint32_t index) {
  const std::array<uint8_t, 4> bytes = {static_cast<uint8_t>(index >> 24), static_cast<uint8_t>(index >> 16),
                                        static_cast<uint8_t>(index >> 8), static_cast<uint8_t>(index)};
  return "NV index 0x" + to_hex(bytes);
}

std::unexpected<Error> refused(Rule rule, std::string_view command, TSS2_RC code) {
  return fail(Code::unavailable, rule, std::string(command) + ": " + tss()->decode(code));
}

ESYS_TR handle_of(Hierarchy hierarchy) {
  switch (hierarchy) {
    case Hierarchy::null: return ESYS_TR_RH_NULL;
    case Hierarchy::owner: return ESYS_TR_RH_OWNER;
    case Hierarchy::endorsement: return ESYS_TR_RH_ENDORSEMENT;
  }
  return ESYS_TR_RH_NULL;
}

// copied puts bytes into one of the TPM2B types.
template <class Sized>
void copied(ByteSpan bytes, Sized& sized) {
  OPENPCC_CHECK(bytes.size() <= sizeof(sized.buffer));
  std::ranges::copy(bytes, sized.buffer);
  sized.size = static_cast<UINT16>(bytes.size());
}

TPM2B_PUBLIC template_of(KeyKind kind) {
  TPM2B_PUBLIC out{};
  TPMT_PUBLIC& area = out.publicArea;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = kAttests;
  if (kind == KeyKind::rsa_2048) {
    area.type = TPM2_ALG_RSA;
    TPMS_RSA_PARMS& rsa = area.parameters.rsaDetail;
    rsa.symmetric.algorithm = TPM2_ALG_NULL;
    rsa.scheme.scheme = TPM2_ALG_RSASSA;
    rsa.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
    rsa.keyBits = 2048;
    return out;
  }
  area.type = TPM2_ALG_ECC;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

TPML_PCR_SELECTION selection_of(const tpm::Selections& selections) {
  TPML_PCR_SELECTION out{};
  OPENPCC_CHECK(selections.size() <= TPM2_NUM_PCR_BANKS);
  out.count = static_cast<UINT32>(selections.size());
  for (size_t i = 0; i < selections.size(); ++i) {
    TPMS_PCR_SELECTION& one = out.pcrSelections[i];
    one.hash = static_cast<TPMI_ALG_HASH>(selections[i].bank);
    one.sizeofSelect = 3;
    for (unsigned byte = 0; byte < 3; ++byte) one.pcrSelect[byte] = static_cast<BYTE>(selections[i].pcrs >> (8 * byte));
  }
  return out;
}

template <class Structure>
Bytes marshalled(const Structure& structure, TSS2_RC (*marshal)(const Structure*, uint8_t*, size_t, size_t*)) {
  Bytes out(sizeof(Structure) + 64);
  size_t size = 0;
  OPENPCC_CHECK(marshal(&structure, out.data(), out.size(), &size) == TSS2_RC_SUCCESS);
  out.resize(size);
  return out;
}

// take_values moves what the TPM gave of a selection out of it; true while something is left to be read.
bool take_values(TPML_PCR_SELECTION& wanted, const TPML_PCR_SELECTION& given, const TPML_DIGEST& digests, tpm::Banks& out) {
  UINT32 next = 0;
  bool progress = false, left = false;
  for (UINT32 i = 0; i < wanted.count; ++i) {
    for (uint8_t pcr = 0; pcr < tpm::kPcrs; ++pcr) {
      const auto bit = static_cast<BYTE>(1u << (pcr % 8));
      BYTE& want = wanted.pcrSelections[i].pcrSelect[pcr / 8];
      const bool has = i < given.count && (given.pcrSelections[i].pcrSelect[pcr / 8] & bit) != 0;
      if (has && next < digests.count) {
        const TPM2B_DIGEST& digest = digests.digests[next++];
        out[static_cast<tpm::Hash>(wanted.pcrSelections[i].hash)][pcr] = Bytes(digest.buffer, digest.buffer + digest.size);
        want = static_cast<BYTE>(want & ~bit);
        progress = true;
      }
      left = left || (want & bit) != 0;
    }
  }
  return left && progress;
}

}  // namespace

struct Tpm::Connection {
  TSS2_TCTI_CONTEXT* tcti = nullptr;
  ESYS_CONTEXT* esys = nullptr;
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (esys != nullptr) tss()->finalize(&esys);
    if (tcti != nullptr) tss()->close_transport(&tcti);
  }
};

struct Tpm::Key::State {
  ESYS_CONTEXT* esys = nullptr;
  ESYS_TR handle = ESYS_TR_NONE;
  bool persistent = false;
  Bytes area;
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (handle != ESYS_TR_NONE && !persistent) tss()->flush(esys, handle);
    if (handle != ESYS_TR_NONE && persistent) tss()->close(esys, &handle);
  }
};

Tpm::Key::Key(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tpm::Key::Key(Key&&) noexcept = default;
Tpm::Key& Tpm::Key::operator=(Key&&) noexcept = default;
Tpm::Key::~Key() = default;
ByteSpan Tpm::Key::public_area() const { return state_->area; }

Tpm::Tpm(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Tpm::Tpm(Tpm&&) noexcept = default;
Tpm& Tpm::operator=(Tpm&&) noexcept = default;
Tpm::~Tpm() = default;

Result<Tpm> Tpm::open(const std::string& tcti) {
  // Once, and so by whoever opens a TPM first: other threads may read the environment later.
  [[maybe_unused]] static const int quiet = setenv("TSS2_LOG", "all+NONE", 0);
  if (!tss()) return std::unexpected(tss().error());
  auto connection = std::make_unique<Connection>();
  TSS2_RC code = tss()->open_transport(tcti.c_str(), &connection->tcti);
  if (code == TSS2_RC_SUCCESS) code = tss()->initialize(&connection->esys, connection->tcti, nullptr);
  if (code != TSS2_RC_SUCCESS) return refused(kOpen, tcti, code);
  return Tpm(std::move(connection));
}

Result<Tpm::Key> Tpm::create_key(KeyKind kind, Hierarchy hierarchy) {
  const TPM2B_PUBLIC wanted = template_of(kind);
  return create_key_like(marshalled(wanted.publicArea, tss()->marshal_public), hierarchy);
}

Result<Tpm::Key> Tpm::create_key_like(ByteSpan key_template, Hierarchy hierarchy) {
  TPM2B_PUBLIC wanted{};
  size_t read = 0;
  const TSS2_RC parsed = tss()->unmarshal_public(key_template.data(), key_template.size(), &read, &wanted.publicArea);
  if (parsed != TSS2_RC_SUCCESS) return refused(kCommand, "template", parsed);
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION no_pcrs{};
  auto state = std::make_unique<Key::State>();
  state->esys = connection_->esys;
  TPM2B_PUBLIC* area = nullptr;
  const TSS2_RC code = tss()->create_primary(connection_->esys, handle_of(hierarchy), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                             &sensitive, &wanted, &outside, &no_pcrs, &state->handle, &area, nullptr, nullptr, nullptr);
  const Given<TPM2B_PUBLIC> owned(area);
  if (code != TSS2_RC_SUCCESS) return refused(kCommand, "TPM2_CreatePrimary", code);
  state->area = marshalled(area->publicArea, tss()->marshal_public);
  return Key(std::move(state));
}

Result<Tpm::Key> Tpm::key_at(uint32_t handle) {
  auto state = std::make_unique<Key::State>();
  state->esys = connection_->esys;
  state->persistent = true;
  TSS2_RC code = tss()->from_public(connection_->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &state->handle);
  if (code != TSS2_RC_SUCCESS) return refused(kCommand, "persistent key", code);
  TPM2B_PUBLIC* area = nullptr;
  code = tss()->read_public(connection_->esys, state->handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, nullptr, nullptr);
  const Given<TPM2B_PUBLIC> owned(area);
  if (code != TSS2_RC_SUCCESS) return refused(kCommand, "TPM2_ReadPublic", code);
  state->area = marshalled(area->publicArea, tss()->marshal_public);
  return Key(std::move(state));
}

Result<tpm::Banks> Tpm::read_pcrs(const tpm::Selections& selections) {
  tpm::Banks out;
  TPML_PCR_SELECTION wanted = selection_of(selections);
  for (bool left = true; left;) {
    TPML_PCR_SELECTION* given = nullptr;
    TPML_DIGEST* digests = nullptr;
    const TSS2_RC code = tss()->read_pcrs(connection_->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, nullptr, &given, &digests);
    const Given<TPML_PCR_SELECTION> owned_selection(given);
    const Given<TPML_DIGEST> owned_digests(digests);
    if (code != TSS2_RC_SUCCESS) return refused(kCommand, "TPM2_PCR_Read", code);
    left = take_values(wanted, *given, *digests, out);
  }
  return out;
}

Result<Quoted> Tpm::sign(const Key& key, ByteSpan nonce, const tpm::Selections& selections) {
  if (nonce.size() > tpm::kNonceBytesMax) return fail(Code::limit, kCommand, "a nonce of " + std::to_string(nonce.size()) + " bytes");
  TPM2B_DATA data{};
  copied(nonce, data);
  const TPMT_SIG_SCHEME scheme{TPM2_ALG_NULL, {}};
  const TPML_PCR_SELECTION selection = selection_of(selections);
  TPM2B_ATTEST* quoted = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  const TSS2_RC code = tss()->quote(connection_->esys, key.state_->handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme,
                                    &selection, &quoted, &signature);
  const Given<TPM2B_ATTEST> owned_quote(quoted);
  const Given<TPMT_SIGNATURE> owned_signature(signature);
  if (code != TSS2_RC_SUCCESS) return refused(kCommand, "TPM2_Quote", code);
  return Quoted{Bytes(quoted->attestationData, quoted->attestationData + quoted->size), marshalled(*signature, tss()->marshal_signature),
                key.state_->area};
}

Result<Collected> Tpm::quote(const Key& key, ByteSpan nonce, const tpm::Selections& selections) {
  struct WithKey final : Quoter {
    WithKey(Tpm& of, const Key& by) : tpm(of), key(by) {}
    Result<Quoted> sign_pcrs(ByteSpan data, const tpm::Selections& of) override { return tpm.sign(key, data, of); }
    Result<tpm::Banks> read_pcrs(const tpm::Selections& of) override { return tpm.read_pcrs(of); }
    Tpm& tpm;
    const Key& key;
  };
  WithKey quoter(*this, key);
  return collect_quote(quoter, nonce, selections);
}

Result<size_t> Tpm::size(uint32_t index) {
  ESYS_TR handle = ESYS_TR_NONE;
  TSS2_RC code = tss()->from_public(connection_->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
  if (code != TSS2_RC_SUCCESS) return refused(kNv, index_text(index), code);
  TPM2B_NV_PUBLIC* area = nullptr;
  code = tss()->nv_read_public(connection_->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, nullptr);
  const Given<TPM2B_NV_PUBLIC> owned(area);
  tss()->close(connection_->esys, &handle);
  if (code != TSS2_RC_SUCCESS) return refused(kNv, index_text(index), code);
  return size_t{area->nvPublic.dataSize};
}

Result<Bytes> Tpm::read(uint32_t index) {
  OPENPCC_LET(const size_t bytes, size(index));
  if (bytes > kNvBytesMax) return fail(Code::limit, kNv, index_text(index) + ": " + std::to_string(bytes) + " bytes");
  ESYS_TR handle = ESYS_TR_NONE;
  TSS2_RC code = tss()->from_public(connection_->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
  Bytes out;
  while (code == TSS2_RC_SUCCESS && out.size() < bytes) {
    TPM2B_MAX_NV_BUFFER* piece = nullptr;
    const auto want = static_cast<UINT16>(std::min(kNvChunkBytes, bytes - out.size()));
    code = tss()->nv_read(connection_->esys, ESYS_TR_RH_OWNER, handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, want,
                          static_cast<UINT16>(out.size()), &piece);
    const Given<TPM2B_MAX_NV_BUFFER> owned_piece(piece);
    if (code != TSS2_RC_SUCCESS) break;
    if (piece->size == 0 || piece->size > want) {
      code = TSS2_ESYS_RC_MALFORMED_RESPONSE;
      break;
    }
    out.insert(out.end(), piece->buffer, piece->buffer + piece->size);
  }
  if (handle != ESYS_TR_NONE) tss()->close(connection_->esys, &handle);
  if (code != TSS2_RC_SUCCESS) return refused(kNv, index_text(index) + ", TPM2_NV_Read", code);
  return out;
}

Result<> Tpm::write(uint32_t index, ByteSpan bytes) {
  if (bytes.size() > kNvBytesMax) return fail(Code::limit, kNv, std::to_string(bytes.size()) + " bytes");
  ESYS_TR handle = ESYS_TR_NONE;
  TSS2_RC code = tss()->from_public(connection_->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
  if (code != TSS2_RC_SUCCESS) {
    const TPM2B_AUTH no_secret{};
    TPM2B_NV_PUBLIC area{};
    area.nvPublic.nvIndex = index;
    area.nvPublic.nameAlg = TPM2_ALG_SHA256;
    area.nvPublic.attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE;
    area.nvPublic.dataSize = static_cast<UINT16>(bytes.size());
    code = tss()->nv_define(connection_->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &area, &handle);
  }
  for (size_t at = 0; code == TSS2_RC_SUCCESS && at < bytes.size(); at += kNvChunkBytes) {
    TPM2B_MAX_NV_BUFFER piece{};
    copied(bytes.subspan(at, std::min(kNvChunkBytes, bytes.size() - at)), piece);
    code = tss()->nv_write(connection_->esys, ESYS_TR_RH_OWNER, handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &piece,
                           static_cast<UINT16>(at));
  }
  if (handle != ESYS_TR_NONE) tss()->close(connection_->esys, &handle);
  if (code != TSS2_RC_SUCCESS) return refused(kNv, index_text(index) + ", TPM2_NV_Write", code);
  return {};
}

}  // namespace openpcc::tpm_collect

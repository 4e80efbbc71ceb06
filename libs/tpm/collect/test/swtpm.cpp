#include "swtpm.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

extern char** environ;

namespace openpcc::tpm_collect {
namespace {

// Session is a connection for what the library has no call for.
struct Session {
  explicit Session(const std::string& tcti_name) {
    OPENPCC_CHECK(Tss2_TctiLdr_Initialize(tcti_name.c_str(), &tcti) == TSS2_RC_SUCCESS);
    OPENPCC_CHECK(Esys_Initialize(&esys, tcti, nullptr) == TSS2_RC_SUCCESS);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
  }
  TSS2_TCTI_CONTEXT* tcti = nullptr;
  ESYS_CONTEXT* esys = nullptr;
};

TPM2B_PUBLIC attestation_key() {
  TPM2B_PUBLIC out{};
  out.publicArea.type = TPM2_ALG_RSA;
  out.publicArea.nameAlg = TPM2_ALG_SHA256;
  out.publicArea.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH;
  TPMS_RSA_PARMS& rsa = out.publicArea.parameters.rsaDetail;
  rsa.symmetric.algorithm = TPM2_ALG_NULL;
  rsa.scheme.scheme = TPM2_ALG_RSASSA;
  rsa.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
  rsa.keyBits = 2048;
  return out;
}

}  // namespace

Swtpm::Swtpm() {
  std::string name = (std::filesystem::temp_directory_path() / "openpcc-tpm-XXXXXX").string();
  OPENPCC_CHECK(mkdtemp(name.data()) != nullptr);
  folder_ = name;
  const std::string arguments[] = {"swtpm",
                                   "socket",
                                   "--tpm2",
                                   "--tpmstate",
                                   "dir=" + name,
                                   "--server",
                                   "type=unixio,path=" + name + "/s",
                                   "--ctrl",
                                   "type=unixio,path=" + name + "/s.ctrl",
                                   "--flags",
                                   "not-need-init,startup-clear"};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
  const int error = posix_spawnp(&process_, "swtpm", &quiet, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&quiet);
  if (error != 0) throw std::runtime_error("swtpm cannot be started: install the packages that tools/setup.sh lists");
}

Swtpm::~Swtpm() {
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
  std::filesystem::remove_all(folder_);
}

Result<Tpm> Swtpm::open() const {
  auto out = Tpm::open(tcti());
  for (int i = 0; !out && i < 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    out = Tpm::open(tcti());
  }
  return out;
}

Bytes Swtpm::keep_key(uint32_t handle) const {
  {
    const Session session(tcti());
    const TPM2B_PUBLIC wanted = attestation_key();
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION no_pcrs{};
    ESYS_TR key = ESYS_TR_NONE, kept = ESYS_TR_NONE;
    OPENPCC_CHECK(Esys_CreatePrimary(session.esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &wanted,
                                     &outside, &no_pcrs, &key, nullptr, nullptr, nullptr, nullptr) == TSS2_RC_SUCCESS);
    OPENPCC_CHECK(Esys_EvictControl(session.esys, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, handle, &kept) ==
                  TSS2_RC_SUCCESS);
    Esys_FlushContext(session.esys, key);
    Esys_TR_Close(session.esys, &kept);
  }
  auto tpm = Tpm::open(tcti());
  OPENPCC_CHECK(tpm.has_value());
  const auto key = tpm->key_at(handle);
  OPENPCC_CHECK(key.has_value());
  return {key->public_area().begin(), key->public_area().end()};
}

void Swtpm::extend(uint8_t pcr) const {
  const Session session(tcti());
  TPML_DIGEST_VALUES digests{};
  digests.count = 1;
  digests.digests[0].hashAlg = TPM2_ALG_SHA256;
  digests.digests[0].digest.sha256[0] = 1;
  OPENPCC_CHECK(Esys_PCR_Extend(session.esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digests) ==
                TSS2_RC_SUCCESS);
}

}  // namespace openpcc::tpm_collect

#include "tss.h"

#include <dlfcn.h>

namespace openpcc::tpm_collect {
namespace {

constexpr Rule kLibrary = "tpm_collect.library";

// Library is one that was opened, and where functions are looked for in it.
class Library {
 public:
  static Result<Library> open(const char* name) {
    void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return Library(handle);
    return fail(Code::unsupported, kLibrary,
                std::string(name) + " cannot be loaded: install tpm2-tss (libtss2-esys, libtss2-rc and libtss2-tctildr of Debian)");
  }

  template <class Function>
  Result<> find(const char* name, Function*& out) const {
    // POSIX has functions and data of one size, so that dlsym can give either.
    out = reinterpret_cast<Function*>(dlsym(handle_, name));
    if (out == nullptr) return fail(Code::unsupported, kLibrary, std::string("tpm2-tss has no ") + name + ": it is older than 2.3");
    return {};
  }

 private:
  explicit Library(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace

Result<Tss> find_tss(const TssLibraries& libraries) {
  Tss out;
  OPENPCC_LET(const Library transport, Library::open(libraries.transport));
  OPENPCC_TRY(transport.find("Tss2_TctiLdr_Initialize", out.open_transport));
  OPENPCC_TRY(transport.find("Tss2_TctiLdr_Finalize", out.close_transport));
  OPENPCC_LET(const Library codes, Library::open(libraries.codes));
  OPENPCC_TRY(codes.find("Tss2_RC_Decode", out.decode));
  OPENPCC_LET(const Library marshalling, Library::open(libraries.marshalling));
  OPENPCC_TRY(marshalling.find("Tss2_MU_TPMT_PUBLIC_Marshal", out.marshal_public));
  OPENPCC_TRY(marshalling.find("Tss2_MU_TPMT_PUBLIC_Unmarshal", out.unmarshal_public));
  OPENPCC_TRY(marshalling.find("Tss2_MU_TPMT_SIGNATURE_Marshal", out.marshal_signature));
  OPENPCC_LET(const Library commands, Library::open(libraries.commands));
  OPENPCC_TRY(commands.find("Esys_Initialize", out.initialize));
  OPENPCC_TRY(commands.find("Esys_Finalize", out.finalize));
  OPENPCC_TRY(commands.find("Esys_Free", out.free));
  OPENPCC_TRY(commands.find("Esys_TR_FromTPMPublic", out.from_public));
  OPENPCC_TRY(commands.find("Esys_TR_Close", out.close));
  OPENPCC_TRY(commands.find("Esys_FlushContext", out.flush));
  OPENPCC_TRY(commands.find("Esys_CreatePrimary", out.create_primary));
  OPENPCC_TRY(commands.find("Esys_ReadPublic", out.read_public));
  OPENPCC_TRY(commands.find("Esys_PCR_Read", out.read_pcrs));
  OPENPCC_TRY(commands.find("Esys_Quote", out.quote));
  OPENPCC_TRY(commands.find("Esys_NV_ReadPublic", out.nv_read_public));
  OPENPCC_TRY(commands.find("Esys_NV_DefineSpace", out.nv_define));
  OPENPCC_TRY(commands.find("Esys_NV_Read", out.nv_read));
  OPENPCC_TRY(commands.find("Esys_NV_Write", out.nv_write));
  return out;
}

const Result<Tss>& tss() {
  static const Result<Tss> found = find_tss({});
  return found;
}

}  // namespace openpcc::tpm_collect

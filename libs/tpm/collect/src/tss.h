// The functions of tpm2-tss that are used, found when a TPM is first opened: a machine that has none needs none of these libraries, nor the system's
// libcrypto that comes with them.
#pragma once

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <array>

#include "openpcc/core/result.h"

namespace openpcc::tpm_collect {

struct Tss {
  decltype(&::Tss2_TctiLdr_Initialize) open_transport = nullptr;
  decltype(&::Tss2_TctiLdr_Finalize) close_transport = nullptr;
  decltype(&::Tss2_RC_Decode) decode = nullptr;
  decltype(&::Tss2_MU_TPMT_PUBLIC_Marshal) marshal_public = nullptr;
  decltype(&::Tss2_MU_TPMT_PUBLIC_Unmarshal) unmarshal_public = nullptr;
  decltype(&::Tss2_MU_TPMT_SIGNATURE_Marshal) marshal_signature = nullptr;
  decltype(&::Esys_Initialize) initialize = nullptr;
  decltype(&::Esys_Finalize) finalize = nullptr;
  decltype(&::Esys_Free) free = nullptr;
  decltype(&::Esys_TR_FromTPMPublic) from_public = nullptr;
  decltype(&::Esys_TR_Close) close = nullptr;
  decltype(&::Esys_FlushContext) flush = nullptr;
  decltype(&::Esys_CreatePrimary) create_primary = nullptr;
  decltype(&::Esys_ReadPublic) read_public = nullptr;
  decltype(&::Esys_PCR_Read) read_pcrs = nullptr;
  decltype(&::Esys_Quote) quote = nullptr;
  decltype(&::Esys_NV_ReadPublic) nv_read_public = nullptr;
  decltype(&::Esys_NV_DefineSpace) nv_define = nullptr;
  decltype(&::Esys_NV_Read) nv_read = nullptr;
  decltype(&::Esys_NV_Write) nv_write = nullptr;
};

// TssLibraries are tpm2-tss's, as its releases since 2.0 name them.
struct TssLibraries {
  const char* transport = "libtss2-tctildr.so.0";
  const char* codes = "libtss2-rc.so.0";
  const char* marshalling = "libtss2-mu.so.0";
  const char* commands = "libtss2-esys.so.0";
};

// find_tss loads the libraries, which stay.
//   tpm_collect.library   one is not installed, or lacks a function (unsupported)
Result<Tss> find_tss(const TssLibraries& libraries);

// tss is what find_tss finds of the system's libraries: once, so the answer stays as it is.
const Result<Tss>& tss();

}  // namespace openpcc::tpm_collect

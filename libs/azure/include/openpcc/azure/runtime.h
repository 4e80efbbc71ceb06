// What the paravisor says of the VM: the JSON whose hash the hardware report binds.
#pragma once

#include <optional>

#include "openpcc/azure/hcl.h"
#include "openpcc/tpm/ak.h"

namespace openpcc::azure {

// Configuration is the paravisor's word; a member that it does not say is empty.
struct Configuration {
  std::optional<bool> secure_boot, tpm_enabled, console_enabled;
  std::string vm_unique_id;  // printable ASCII
};

struct RuntimeData {
  tpm::AttestationKey ak;  // HCLAkPub, by which the vTPM signs its quotes
  ReportData user_data{};  // what the guest wrote into NV index 0x01400002 before it asked for the report
  Configuration configuration;
};

// read_runtime reads the JSON as strictly as strict_json does. Members that we do not know are left alone.
//   azure.runtime.syntax   not an object with keys, vm-configuration and user-data (64 bytes, hexadecimal) of their types
//   azure.ak.missing       no key HCLAkPub, or two
//   azure.ak.syntax        not RSA of 2048 bits with exponent 65537 for signing alone, in base64url without padding
Result<RuntimeData> read_runtime(ByteSpan json);

}  // namespace openpcc::azure

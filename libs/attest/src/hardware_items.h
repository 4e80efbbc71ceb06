// The pieces that a machine's evidence consists of, by their names. Private to this library.
#pragma once

#include "kind_hardware.h"

namespace openpcc::attest {

// item finds a piece of collateral of this type; nullptr where it is not there.        attest.kind.collateral
Result<const Item*> item(const Device& device, const std::string& name, std::string_view media_type);
// expect_collateral refuses what is not known by name.        attest.kind.collateral
Result<> expect_collateral(const Device& device, std::initializer_list<std::string_view> known);
// snp_collateral takes the chain of three and the list; tdx_collateral what Intel says.        attest.kind.chain, attest.kind.collateral
Result<snp::Collateral> snp_collateral(const Device& device);
Result<tdx::Collateral> tdx_collateral(const Device& device);

}  // namespace openpcc::attest

// What else could have been launched: the search behind causes_of for SEV-SNP.
#pragma once

#include "openpcc/measure/explain.h"

namespace openpcc::measure {

// snp_causes lists the changes that give `seen`, fewest changes first and none that has more than the best; at most three.
std::vector<std::string> snp_causes(const Measurement& expected, const SnpLaunch& launch, ByteSpan seen);

}  // namespace openpcc::measure

// What vouches for a report, chosen from files: certificates, revocation lists and Intel's documents, as an operator or the host put them there.
// Chosen is what names this report's chip and platform; whether it is genuine and of the time is for those who verify the evidence.
#pragma once

#include <filesystem>
#include <functional>
#include <span>

#include "openpcc/collect/source.h"

namespace openpcc::collect {

inline constexpr size_t kFolderFilesMax = 256;

// FolderFor is what a folder's files are for: what vouches for a CPU (certificates, lists, Intel's documents); what vouches for GPUs (manifests,
// OCSP responses, lists); or a recorded CPU's evidence with what vouches for it.
enum class FolderFor : uint8_t { cpu, gpu, recording };

// read_folder reads a folder's files in the order of their names; names that begin with a dot and folders in it are left alone.
//   collect.folder.read        it, or a file in it, cannot be read        collect.folder.too_many   more than kFolderFilesMax files (limit)
//   collect.folder.too_large   a file that could not stand in evidence: over attest::kItemBytesMax (limit)
//   collect.folder.unknown     a file that is of no use there: none is left out unseen; the detail says what it is
Result<std::vector<Bytes>> read_folder(const std::filesystem::path& folder, FolderFor purpose);

// staple makes a device of a report and what vouches for it among `items`. Of several that fit, the newest is taken.
//   SEV-SNP   the VCEK of the report's chip at its REPORTED_TCB, or the VLEK at it; who signed that; the root; the root's list, where there is one
//   TDX       TCB info of the quote's FMSPC, the quoting enclave's identity, both with their signature inside; their signer's chain; both lists,
//             where they are there
//   collect.staple.report    neither a report nor a TDX quote (malformed)
//   collect.staple.missing   what must be there is not (unavailable); says what and where it can be had
Result<attest::Device> staple(attest::Item report, std::span<const Bytes> items);

// Staple completes a report, given what its source gave beside it.
using Staple = std::function<Result<attest::Device>(Collected)>;

// staple_from looks among what the source gave and the files of a folder, which is read each time: whoever refreshes them need not tell the node.
// An empty path: no folder.
Staple staple_from(std::filesystem::path folder);

}  // namespace openpcc::collect

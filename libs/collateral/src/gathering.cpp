#include "gathering.h"

#include <algorithm>

#include "openpcc/collateral/answer.h"

namespace openpcc::collateral {
namespace {

size_t bytes_of(const Parts& parts) {
  size_t out = 0;
  for (const Bytes& part : parts) out += part.size();
  return out;
}

Parts joined(std::span<const Kept> answers) {
  Parts out;
  for (const Kept& answer : answers) out.insert(out.end(), answer.parts.begin(), answer.parts.end());
  return out;
}

// answers_them: these are the requests' answers, with as many parts as read_answer gives of each.
bool answers_them(std::span<const Kept> kept, std::span<const Request> requests) {
  return std::ranges::equal(kept, requests, [](const Kept& answer, const Request& request) {
    const bool single = request.kind == Kind::certificate || request.kind == Kind::revocation_list;
    return answer.target == request.target && answer.parts.size() == (single ? 1u : 2u);
  });
}

// about says of which piece an error speaks.
Error about(const std::string& what, Error error) {
  error.detail = error.detail.empty() ? what : what + ": " + error.detail;
  return error;
}

}  // namespace

void Gathering::tell(Event::Kind kind, const Request& request, size_t bytes, std::chrono::seconds wait) const {
  if (source_.tell) source_.tell({kind, request, bytes, wait});
}

// load reads what is kept. Entries that cannot be read, or answer something else, are as good as none; the case still looks at them.
Result<> Gathering::load() {
  if (source_.store == nullptr) return {};
  for (size_t unit = 0; unit < slots_.size(); ++unit) {
    const Unit& wanted = case_.plan()[unit];
    slots_[unit].kept.reset();
    if (wanted.requests.empty()) continue;
    OPENPCC_LET(const std::optional<Bytes> bytes, source_.store->read(wanted.key));
    const auto entry = bytes ? parse_entry(*bytes) : Result<std::vector<Kept>>(std::vector<Kept>());
    if (!entry || entry->empty()) continue;
    Parts parts = joined(*entry);
    case_.remember(unit, parts);
    if (answers_them(*entry, wanted.requests)) slots_[unit].kept = std::move(parts);
  }
  return {};
}

Result<Answer> Gathering::ask(const Request& request, Fetcher& fetcher) const {
  for (int tried = 1;; ++tried) {
    OPENPCC_LET(Answer answer, fetcher.fetch(request));
    const auto wait = retry_after(answer, std::chrono::seconds(1 << tried));
    // read_answer makes the error of a service that stays busy.
    if (!wait || !source_.pause || tried == kTriesMax || *wait > kWaitMax) return answer;
    tell(Event::Kind::waiting, request, 0, *wait);
    source_.pause(*wait);
  }
}

Result<> Gathering::fetch(size_t unit, Fetcher& fetcher) {
  std::vector<Kept> answers;
  for (const Request& request : case_.plan()[unit].requests) {
    auto answer = ask(request, fetcher);
    if (!answer) return std::unexpected(about(request.what, std::move(answer.error())));
    auto parts = read_answer(request, *answer);
    if (!parts) return std::unexpected(about(request.what, std::move(parts.error())));
    tell(Event::Kind::fetched, request, answer->body.size());
    answers.push_back({request.target, std::move(*parts)});
  }
  slots_[unit].parts = joined(answers);
  slots_[unit].answers = std::move(answers);
  return {};
}

bool Gathering::has_next(size_t unit, const Fetcher* fetcher) const {
  const Slot& slot = slots_[unit];
  if (slot.origin == Origin::none && !case_.given(unit).empty()) return true;
  if (slot.origin < Origin::kept && slot.kept) return true;
  return slot.origin < Origin::fetched && fetcher != nullptr && !case_.plan()[unit].requests.empty();
}

// advance fills a slot from its next source.
Result<> Gathering::advance(size_t unit, Fetcher* fetcher) {
  Slot& slot = slots_[unit];
  if (slot.origin == Origin::none && !case_.given(unit).empty()) {
    slot.origin = Origin::given;
    slot.parts = case_.given(unit);
  } else if (slot.origin < Origin::kept && slot.kept) {
    slot.origin = Origin::kept;
    slot.parts = *slot.kept;
  } else if (case_.plan()[unit].unobtainable) {
    return std::unexpected(*case_.plan()[unit].unobtainable);
  } else if (fetcher == nullptr) {
    return fail(Code::unavailable, "collateral.offline", case_.plan()[unit].requests.front().what + " is neither given nor kept");
  } else {
    OPENPCC_TRY(fetch(unit, *fetcher));
    slot.origin = Origin::fetched;
  }
  slot.filled = true;
  return {};
}

Result<> Gathering::keep(size_t unit) {
  const Slot& slot = slots_[unit];
  if (source_.store == nullptr || slot.origin != Origin::fetched) return {};
  return source_.store->write(case_.plan()[unit].key, encode_entry(slot.answers));
}

Result<attest::Device> Gathering::attempt(Fetcher* fetcher) {
  for (Slot& slot : slots_) {
    slot.origin = Origin::none;
    slot.filled = false;
  }
  for (;;) {
    std::vector<Parts> parts;
    for (size_t unit = 0; unit < slots_.size(); ++unit) {
      if (!slots_[unit].filled) {
        OPENPCC_TRY(advance(unit, fetcher));
      }
      parts.push_back(slots_[unit].parts);
    }
    Judgement judgement = case_.judge(parts);
    if (!judgement.error) {
      for (size_t unit = 0; unit < slots_.size(); ++unit) {
        OPENPCC_TRY(keep(unit));
        const Slot& slot = slots_[unit];
        if (slot.origin == Origin::fetched || case_.plan()[unit].requests.empty()) continue;
        tell(slot.origin == Origin::given ? Event::Kind::given : Event::Kind::kept, case_.plan()[unit].requests.front(),
             bytes_of(slot.parts));
      }
      return case_.device(std::move(parts));
    }
    for (const size_t unit : judgement.proven) {
      OPENPCC_TRY(keep(unit));
    }
    const auto next = std::ranges::find_if(judgement.suspects, [&](size_t unit) { return has_next(unit, fetcher); });
    if (next != judgement.suspects.end()) {
      slots_[*next].filled = false;
      continue;
    }
    const auto stale = std::ranges::find_if(judgement.suspects, [&](size_t unit) { return slots_[unit].origin == Origin::kept; });
    if (fetcher == nullptr && stale != judgement.suspects.end()) {
      return fail(Code::unavailable, "collateral.offline",
                  case_.plan()[*stale].requests.front().what + " that is kept is not good: " + describe(*judgement.error));
    }
    const auto served = std::ranges::find_if(judgement.suspects, [&](size_t unit) { return slots_[unit].origin == Origin::fetched; });
    if (served == judgement.suspects.end()) return std::unexpected(std::move(*judgement.error));
    return std::unexpected(about(case_.plan()[*served].requests.front().what + ", as the vendor serves it", std::move(*judgement.error)));
  }
}

Result<attest::Device> Gathering::from_kept() {
  OPENPCC_TRY(load());
  return attempt(nullptr);
}

Result<attest::Device> Gathering::run() {
  auto kept = from_kept();
  if (kept || source_.fetcher == nullptr) return kept;
  // Whoever else fetched the same meanwhile has kept it.
  std::vector<std::unique_ptr<Store::Lock>> locks;
  for (const Unit& unit : case_.plan()) {
    if (source_.store == nullptr || unit.requests.empty()) continue;
    OPENPCC_LET(std::unique_ptr<Store::Lock> lock, source_.store->lock(unit.key));
    locks.push_back(std::move(lock));
  }
  OPENPCC_TRY(load());
  return attempt(source_.fetcher);
}

}  // namespace openpcc::collateral

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/records.pb.h"

namespace holdfast {

// A file of a checkpoint as it should be, for tests that damage it.
struct GoodFile {
  std::string name;  // for people
  std::string content;
  size_t end = 0;  // of what is not zeros ahead
  std::vector<std::string> payloads = {};
};

// Journals of every shape: one record, a few, an end, a large intent, updates
// over several sectors, further tasks, condensed.
std::vector<GoodFile> GoodJournals();

// Content, and what was done to it, for a trace.
using TryDamage =
    std::function<void(const std::string& content, const std::string& what)>;

// The file cut off at every length from `from` on to before `to`.
void CutEverywhere(const GoodFile& file, size_t from, size_t to,
                   const TryDamage& attempt);
// The file with every single bit from byte `from` on to before `to` flipped,
// and with every byte turned over whole, zeroed, and set.
void FlipEverywhere(const GoodFile& file, size_t from, size_t to,
                    const TryDamage& attempt);

}  // namespace holdfast

#pragma once

#include <cstdint>

#include <latchkey/ids.h>

namespace latchkey {

/// The incarnation that a timeline ends with: what stands behind its last point, or the whole. 0 if
/// that is no number.
std::int64_t incarnation_of(const Timeline& timeline);

/// Whether a database on `present` is older than one that was on `noted`: its incarnation is lower,
/// or, with the same one, it is the same database system on an earlier branch of its history. A
/// timeline reads INCARNATION, or SYSTEM/BRANCH.INCARNATION with the branch in hexadecimal digits of
/// equal number.
bool lies_behind(const Timeline& present, const Timeline& noted);

}  // namespace latchkey

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "store/journal.h"

/// The bytes of a journal file, as pure functions. A segment is one file: a header of its own block,
/// then frames, one behind the other, then zeros that nobody has written to yet.
///
/// Numbers are written highest byte first; texts stand behind their lengths.
namespace latchkey::journal {

/// Version of the layout. A journal outlives the program that wrote it: what changes gets a new one.
inline constexpr std::uint32_t layout_version = 1;
/// Frames begin here, so that no later write touches the header's block.
inline constexpr std::uint64_t frames_begin = 4096;
/// Frames begin at multiples of this.
inline constexpr std::uint64_t frame_step = 8;
inline constexpr std::size_t longest_payload = std::size_t{8} << 20;
inline constexpr std::size_t longest_name = 128;  ///< of a node or an installation
/// A higher number of a record was never given, whatever its frame's checksum says.
inline constexpr std::int64_t highest_record = std::int64_t{1} << 62;

struct SegmentHeader {
    std::uint32_t version = layout_version;
    std::uint64_t number = 1;           ///< of the segment, growing
    std::int64_t first_record = 1;      ///< what is noted from here on has no lower number
    std::uint64_t previous = 0;         ///< the segment that was written to before; 0: none
    std::uint64_t previous_synced = 0;  ///< how much of it was on the disk for certain
    bool mended = false;  ///< written anew by a repair: what its successor tells of it is past
    std::string installation;
    NodeId node;
    bool operator==(const SegmentHeader&) const = default;
};

/// `frames_begin` bytes: the header twice, so that one damaged place does not orphan the frames.
std::string print(const SegmentHeader& header);

struct HeaderFound {
    std::optional<SegmentHeader> header;  ///< absent: neither copy is intact
    bool whole = false;                   ///< both copies are, and they agree
};
/// A header of a later layout comes back with its version and nothing else.
HeaderFound read_header(std::string_view bytes);

/// What a frame holds. Others may come: a frame of an unknown kind is kept and reported.
enum class Kind : std::uint32_t {
    answer = 1,
    done = 2,  ///< the answer of that number is in its row
};

/// One intact frame. Its checksum covers all of it, the segment's number among that, so that a frame
/// of another place is none.
struct Frame {
    std::uint64_t offset = 0;
    std::uint64_t end = 0;
    std::uint32_t kind = 0;
    std::int64_t number = 0;   ///< of the record
    std::uint64_t synced = 0;  ///< all before this offset was on the disk when this was written
    std::string_view payload;
};

/// `synced` is what Frame says. The payload must not be longer than longest_payload.
std::string print_frame(std::uint64_t segment, std::uint32_t kind, std::int64_t number,
                        std::uint64_t synced, std::string_view payload);
/// The frame that begins exactly at `offset`.
std::optional<Frame> read_frame(std::string_view bytes, std::uint64_t segment,
                                std::uint64_t offset);

/// Without number and `closed`, which stand outside of the payload.
std::string print_answer(const JournalRecord& record);
std::optional<JournalRecord> read_answer(std::string_view payload);
std::string print_done(WallTime at);
std::optional<WallTime> read_done(std::string_view payload);

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool operator==(const Range&) const = default;
};

/// What lies in a segment behind its header.
struct Scan {
    std::vector<Frame> frames;   ///< every intact one, in order
    std::vector<Range> rubbish;  ///< bytes between and behind them that are no frame
    std::uint64_t end = 0;       ///< of the last intact frame, or frames_begin
    std::uint64_t synced = 0;    ///< all before this was on the disk, as the frames tell

    /// Whether something is missing where everything had been on the disk: then it is damage. Other
    /// rubbish is what a power cut left of writes that nobody was told of. `known` is what is known
    /// besides.
    bool damaged(std::uint64_t known = 0) const;
};
/// Views into `bytes`.
Scan scan(std::string_view bytes, std::uint64_t segment);

/// "0000000042.journal"; and back, for names of exactly that form.
std::string segment_name(std::uint64_t number);
std::optional<std::uint64_t> segment_of(std::string_view name);

}  // namespace latchkey::journal

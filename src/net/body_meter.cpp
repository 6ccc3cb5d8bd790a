#include "net/body_meter.h"

#include <algorithm>

namespace latchkey {

BodyMeter::Taken BodyMeter::take(std::string_view bytes) {
    return take(bytes, nullptr);
}

BodyMeter::Taken BodyMeter::take(std::string_view bytes, std::string& plain) {
    return take(bytes, &plain);
}

BodyMeter::Taken BodyMeter::take(std::string_view bytes, std::string* plain) {
    Taken taken;
    if (ended_) return taken;
    if (kind_ != Kind::chunks) {
        taken.used = kind_ == Kind::close
                         ? bytes.size()
                         : static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        taken.passed = taken.used;
        if (plain) plain->append(bytes.substr(0, taken.used));
        if (kind_ == Kind::length) left_ -= taken.used;
        ended_ = kind_ == Kind::length && left_ == 0;
        return taken;
    }
    while (taken.used < bytes.size() && !chunks_.ended()) {
        const auto rest = bytes.substr(taken.used);
        const auto step = chunks_.next(rest);
        switch (step.piece) {
            case ChunkScanner::Piece::broken:
                taken.broken = true;
                return taken;
            case ChunkScanner::Piece::data:
                if (plain) plain->append(rest.substr(0, step.bytes));
                taken.passed += step.bytes;
                break;
            case ChunkScanner::Piece::framing:
                taken.passed += step.bytes;
                break;
            case ChunkScanner::Piece::trailer:
                // Without lines it is the end of the chunks itself and goes on with them.
                if (chunks_.ended() && !tail_ && step.bytes == 2)
                    taken.passed += step.bytes;
                else
                    tail_ = true;
                break;
        }
        taken.used += step.bytes;
    }
    ended_ = chunks_.ended();
    return taken;
}

bool BodyMeter::end() {
    if (kind_ == Kind::close) ended_ = true;
    return ended_;
}

}  // namespace latchkey

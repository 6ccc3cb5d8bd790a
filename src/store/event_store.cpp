#include "store/event_store.h"

namespace latchkey {

const char* name(EventKind kind) noexcept {
    switch (kind) {
        case EventKind::reauth_required:
            return "connection.reauth_required";
        case EventKind::uncertain:
            return "connection.uncertain";
        case EventKind::recovered:
            return "connection.recovered";
    }
    return "connection.uncertain";
}

}  // namespace latchkey

#include "store/session_store.h"

#include "store/store.h"

namespace latchkey {

SessionStore& sessions_of(Store& store) {
    return dynamic_cast<KeepsSessions&>(store).sessions();
}

}  // namespace latchkey

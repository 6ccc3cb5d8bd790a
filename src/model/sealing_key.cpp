#include <latchkey/sealing_key.h>

namespace latchkey {

const char* name(KeyStage stage) noexcept {
    return stage == KeyStage::announced ? "announced" : "in_use";
}

}  // namespace latchkey

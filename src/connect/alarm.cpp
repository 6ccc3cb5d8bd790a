#include "connect/alarm.h"

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

namespace latchkey::connect {

std::shared_ptr<Alarm> Alarm::make(boost::asio::io_context& loop, Clock& clock) {
    return std::shared_ptr<Alarm>{new Alarm{loop, clock}};
}

Async<void> Alarm::sleep(std::shared_ptr<Alarm> self, SteadyTime when) {
    if (!self->rung_ && !self->stopped_) {
        // A coroutine of its own, so that only the sleep is cancelled and not the loop around it.
        auto nap = self->clock_.sleep_until(when);
        try {
            co_await boost::asio::co_spawn(
                self->loop_.get_executor(), std::move(nap),
                boost::asio::bind_cancellation_slot(self->wake_.slot(), use_task));
        } catch (const boost::system::system_error&) {
            // Rung before it had begun to sleep: Asio reports that as operation_aborted.
        }
    }
    self->rung_ = false;
}

void Alarm::ring() {
    boost::asio::post(loop_, [self = shared_from_this()] {
        self->rung_ = true;
        self->wake_.emit(boost::asio::cancellation_type::terminal);
    });
}

void Alarm::stop() {
    boost::asio::post(loop_, [self = shared_from_this()] {
        self->stopped_ = true;
        self->wake_.emit(boost::asio::cancellation_type::terminal);
    });
}

}  // namespace latchkey::connect

#include <iostream>

#include <boost/json.hpp>

#include <latchkey/journal.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

Result<std::string> directory_of(const JournalCommand& command, const FrontDoors& doors) {
    if (!command.directory.empty()) return command.directory;
    auto options = stopped_store(command.config_file, command.data, doors);
    if (!options) return options.error();
    return journal_directory(*options);
}

boost::json::object to_json(const MendedSegment& one) {
    return {{"segment", one.segment},
            {"kept", one.kept},
            {"damaged_bytes", one.damaged_bytes},
            {"set_aside", one.set_aside},
            {"header_rebuilt", one.header_rebuilt},
            {"left_out_whole", one.left_out_whole}};
}

std::string sentence(const MendedSegment& one) {
    if (one.left_out_whole) return "nothing tells whose journal this is; all of it was set aside";
    return std::to_string(one.kept) + " intact entries kept, " + std::to_string(one.damaged_bytes) +
           " damaged bytes set aside" + (one.header_rebuilt ? ", header rebuilt" : "");
}

constexpr const char* what_now = R"(What to do now:
  1. Find out what damaged it: the kernel's log and the disk's own report (smartctl -a).
  2. Start latchkey. It applies every answer that was kept. About a connection whose answer was in the
     damaged part it asks Salesforce; it goes on, or becomes reauth_required (answer_lost).
  3. Keep the files set aside until no connection is uncertain any more, then delete them. They hold
     sealed answers of Salesforce: treat them like a backup.
)";

}  // namespace

int repair(const JournalCommand& command, const FrontDoors& doors) {
    const auto directory = directory_of(command, doors);
    if (!directory) return fail(directory.error(), command.json);
    const auto mended = repair_journal(*directory);
    if (!mended) return fail(mended.error(), command.json);
    if (command.json) {
        boost::json::array items;
        for (const auto& one : *mended) items.emplace_back(to_json(one));
        print_json({{"directory", *directory}, {"repaired", std::move(items)}});
        return 0;
    }
    if (mended->empty()) {
        std::cout << "The journal in " << printable(*directory)
                  << " is not damaged. Nothing was changed.\n";
        return 0;
    }
    for (const auto& one : *mended)
        std::cout << one.segment << ": " << sentence(one) << " (" << one.set_aside << ")\n";
    std::cout << what_now;
    return 0;
}

}  // namespace latchkey::cli

#include "crypto/master_key.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace latchkey;

namespace {
const Binding place = Binding{"keys"}.add("installation").add("0a1b2c3d");
}

TEST_CASE("a master key opens what it wrapped, after it went through its file") {
    SystemRandom random;
    const MasterKey made = MasterKey::generate(random);
    const Sealed wrapped = made.wrap(place, Secret{"sealing key"}, random);

    const auto read = MasterKey::parse(made.text());
    REQUIRE(read.has_value());
    CHECK(read->unwrap(place, wrapped)->reveal() == "sealing key");
}

TEST_CASE("a master key is read as base64 and as hexadecimal digits, with blanks around it") {
    SystemRandom random;
    const std::string bytes = "0123456789abcdefghijklmnopqrstuv";
    const auto from_digits = MasterKey::parse(Secret{" " + hex(bytes) + "\r\n"});
    const auto from_text = MasterKey::parse(Secret{base64(bytes)});
    REQUIRE(from_digits.has_value());
    REQUIRE(from_text.has_value());
    const Sealed wrapped = from_digits->wrap(place, Secret{"k"}, random);
    CHECK(from_text->unwrap(place, wrapped)->reveal() == "k");
}

TEST_CASE("I5: a short, long, empty or garbled master key is refused") {
    for (const std::string& content :
         {std::string{}, std::string{"\n"}, base64(std::string(31, 'a')),
          base64(std::string(33, 'a')), hex(std::string(31, 'a')), std::string(64, 'g'),
          std::string(64, '%'), std::string(44, '*'),
          base64(std::string(32, 'a')) + base64(std::string(32, 'b'))}) {
        const auto key = MasterKey::parse(Secret{content});
        REQUIRE_FALSE(key.has_value());
        CHECK(key.error().fault == Fault::misconfigured);
        CHECK(key.error().code == "invalid_master_key");
    }
}

TEST_CASE("I5: a wrong master key opens nothing, nor does the right one in another place") {
    SystemRandom random;
    const MasterKey right = MasterKey::generate(random);
    const MasterKey wrong = MasterKey::generate(random);
    const Sealed wrapped = right.wrap(place, Secret{"k"}, random);
    CHECK(wrong.unwrap(place, wrapped).error().code == "wrong_master_key");
    const Binding elsewhere = Binding{"keys"}.add("other installation").add("0a1b2c3d");
    CHECK(right.unwrap(elsewhere, wrapped).error().code == "wrong_master_key");
    CHECK(right.unwrap(place, Sealed{}).error().code == "wrong_master_key");
}

TEST_CASE("keys derived for different purposes do not open each other's values") {
    SystemRandom random;
    const std::string same(32, 's');
    const auto master = MasterKey::parse(Secret{base64(same)}).value();
    KeyRing ring;
    REQUIRE(ring.add("0a1b2c3d", Secret{same}).has_value());
    const Sealed sealed = ring.seal(place, Secret{"v"}, random).value();
    // One root key and one binding: only the purpose differs.
    CHECK_FALSE(master.unwrap(place, Sealed{"\x01" + sealed.bytes.substr(9)}).has_value());

    const LockedKey root{same};
    const auto under_one = root.derive("one");
    CHECK(under_one.view() != root.derive("two").view());
    CHECK(under_one.view() != root.view());
}

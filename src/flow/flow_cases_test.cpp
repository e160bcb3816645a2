// Runs tests/flows/*.test: rules over a simulated plant, written as a conversation. A line "> command" is done, the
// lines beneath it are what is expected to be said. UPDATE=1 rewrites them; read the difference before keeping it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "flow/testing/stand_test.h"

namespace gongshu::flow {
namespace {

using test::Stand;

// One file as it should read after running it.
std::string play(const std::string& text, bool as_columns = false) {
    std::istringstream in(text);
    std::string out, line;
    std::unique_ptr<Stand> stand;
    while (std::getline(in, line)) {
        if (line.starts_with("#") || line.empty()) {
            out += line + "\n";
        } else if (line.starts_with("> ")) {
            const std::string command = line.substr(2);
            if (!stand) {
                stand = std::make_unique<Stand>(
                    command.starts_with("lanes ") ? static_cast<std::size_t>(command[6] - '0') : 1);
                if (as_columns) stand->send_columns();
            }
            out += line + "\n" + stand->run(command);
        }
        // Anything else was said before and is said again by its command.
    }
    return out;
}

std::vector<std::string> case_files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(std::string(GONGSHU_SOURCE_DIR) + "/tests/flows"))
        if (entry.path().extension() == ".test") names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

class FlowCase : public testing::TestWithParam<std::string> {};

std::string path_of(const std::string& name) {
    return std::string(GONGSHU_SOURCE_DIR) + "/tests/flows/" + name + ".test";
}

std::string text_of(const std::string& name) {
    std::ifstream file(path_of(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST_P(FlowCase, SaysWhatIsExpected) {
    const std::string path = path_of(GetParam()), text = text_of(GetParam()), now = play(text);
    if (std::getenv("UPDATE")) {
        std::ofstream(path) << now;
        return;
    }
    EXPECT_EQ(text, now) << path << ": run with UPDATE=1 and read the difference";
}

// Rules, virtual tags and what follows from them are the same whichever way the readings come in.
TEST_P(FlowCase, SaysTheSameOfColumns) {
    if (std::getenv("UPDATE")) return;  // the files are being rewritten
    const std::string text = text_of(GetParam());
    EXPECT_EQ(text, play(text, true)) << path_of(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Flows, FlowCase, testing::ValuesIn(case_files()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace gongshu::flow

// Runs a fuzzer without libFuzzer: every seed file as it is, then `-runs=N` seeded mutations of them. The same seeds
// give the same inputs on every machine, so a failure in the tests can be repeated.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes);

namespace {

using Input = std::vector<std::uint8_t>;

Input read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void mutate(gongshu::Rng& rng, const std::vector<Input>& seeds, Input& input) {
    static constexpr std::uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\\', '\n', '{', '}', ',', '='};
    for (std::uint64_t times = 1 + rng.below(4); times > 0; --times) {
        const std::size_t at = input.empty() ? 0 : rng.below(input.size());
        switch (rng.below(6)) {
            case 0:
                if (!input.empty()) input[at] ^= static_cast<std::uint8_t>(1u << rng.below(8));
                break;
            case 1:
                if (!input.empty()) input[at] = kEdges[rng.below(std::size(kEdges))];
                break;
            case 2:
                input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(rng.next()));
                break;
            case 3:
                if (!input.empty()) input.erase(input.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            case 4:
                input.resize(at);
                break;
            case 5: {
                const Input& other = seeds[rng.below(seeds.size())];
                input.insert(input.end(), other.begin(), other.end());
                if (input.size() > 65536) input.resize(65536);
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<Input> seeds{{}};
    long runs = 0;
    for (int i = 1; i < argc; ++i) {
        if (std::strncmp(argv[i], "-runs=", 6) == 0) {
            runs = std::atol(argv[i] + 6);
        } else if (std::filesystem::is_directory(argv[i])) {
            std::vector<std::filesystem::path> paths;
            for (const auto& entry : std::filesystem::directory_iterator(argv[i])) paths.push_back(entry.path());
            std::sort(paths.begin(), paths.end());
            for (const auto& path : paths) seeds.push_back(read_file(path));
        } else if (std::filesystem::is_regular_file(argv[i])) {
            seeds.push_back(read_file(argv[i]));
        } else {
            std::fprintf(stderr, "no such seed file or folder: %s\n", argv[i]);
            return 2;
        }
    }
    if (seeds.size() == 1) {
        std::fprintf(stderr, "no seeds: a fuzzer without seeds finds nothing\n");
        return 2;
    }
    for (const Input& seed : seeds) LLVMFuzzerTestOneInput(seed.data(), seed.size());
    gongshu::Rng rng{1};
    for (long run = 0; run < runs; ++run) {
        Input input = seeds[rng.below(seeds.size())];
        mutate(rng, seeds, input);
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    std::printf("%zu seeds and %ld mutations: passed\n", seeds.size() - 1, runs);
    return 0;
}

// The command line of a benchmark: `--name value`, each read into a variable.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace zerofleet::tools {

class Flags {
  public:
    /// `program`: the name of the source file too, whose head explains the options.
    explicit Flags(std::string program) : program_(std::move(program)) {}

    /// `to` must live until `parse` is done.
    template <class T>
    Flags& value(const std::string& name, T& to) {
        all_.push_back(
            {name, true, [this, name, &to](const std::string& text) { read(name, text, to); }});
        return *this;
    }
    /// One of these words.
    Flags& choice(const std::string& name, std::vector<std::string> words, std::string& to) {
        all_.push_back({name, true, [this, name, words, &to](const std::string& text) {
                            check_word(name, words, text);
                            to = text;
                        }});
        return *this;
    }
    /// Some of these words, with commas between them.
    Flags& choices(const std::string& name, std::vector<std::string> words,
                   std::vector<std::string>& to) {
        all_.push_back({name, true, [this, name, words, &to](const std::string& text) {
                            to = split(text);
                            for (const std::string& word : to) check_word(name, words, word);
                        }});
        return *this;
    }
    /// An option without a value, which does this.
    Flags& action(const std::string& name, std::function<void()> act) {
        all_.push_back({name, false, [act](const std::string&) { act(); }});
        return *this;
    }

    /// Ends the program, saying why, unless all arguments can be read.
    void parse(int argc, char** argv) const {
        for (int i = 1; i < argc; ++i) {
            const std::string name = argv[i];
            const Flag* found = nullptr;
            for (const Flag& flag : all_)
                if (flag.name == name) found = &flag;
            if (found == nullptr) fail("unknown option " + name);
            if (found->takes_value && i + 1 == argc) fail("no value after " + name);
            found->read(found->takes_value ? argv[++i] : "");
        }
    }
    [[noreturn]] void fail(const std::string& problem) const {
        std::fprintf(stderr, "%s: %s (see the head of cpp/tools/%s.cpp)\n", program_.c_str(),
                     problem.c_str(), program_.c_str());
        std::exit(2);
    }

  private:
    struct Flag {
        std::string name;
        bool takes_value;
        std::function<void(const std::string&)> read;
    };

    template <class Number>
        requires std::integral<Number> || std::floating_point<Number>
    void read(const std::string& name, const std::string& text, Number& to) const {
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, to);
        if (error != std::errc() || stop != end) fail(name + " takes a number, got " + text);
    }
    void read(const std::string&, const std::string& text, std::string& to) const { to = text; }
    void read(const std::string&, const std::string& text, std::vector<std::string>& to) const {
        to = split(text);
    }
    void read(const std::string& name, const std::string& text, std::vector<int>& to) const {
        to.clear();
        for (const std::string& part : split(text)) read(name, part, to.emplace_back());
    }
    void check_word(const std::string& name, const std::vector<std::string>& words,
                    const std::string& word) const {
        std::string known;
        for (const std::string& w : words) {
            if (w == word) return;
            known += (known.empty() ? "" : " or ") + w;
        }
        fail(name + " takes " + known + ", got " + word);
    }
    /// At commas outside of parentheses, which options of games have.
    static std::vector<std::string> split(const std::string& text) {
        std::vector<std::string> out = {""};
        int depth = 0;
        for (const char c : text) {
            depth += (c == '(') - (c == ')');
            if (c == ',' && depth == 0)
                out.emplace_back();
            else
                out.back() += c;
        }
        return out;
    }

    std::string program_;
    std::vector<Flag> all_;
};

}  // namespace zerofleet::tools

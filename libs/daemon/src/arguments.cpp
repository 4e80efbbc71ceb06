// The only file that sees CLI11.
#include "arguments.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace openpcc::daemon {

Result<std::vector<std::optional<std::string>>> parse_arguments(std::span<const std::string> arguments,
                                                                std::span<const Argument> accepted) {
  CLI::App app;
  app.set_help_flag();  // our own --help teaches more
  std::vector<CLI::Option*> options;
  for (const Argument& argument : accepted) {
    options.push_back(argument.flag ? app.add_flag("--" + argument.name) : app.add_option("--" + argument.name));
    options.back()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the back
  } catch (const CLI::ParseError& error) {
    return fail(Code::malformed, "daemon.options.argument", std::string(error.what()) + "; --help lists every option");
  }
  std::vector<std::optional<std::string>> out;
  for (const CLI::Option* option : options) {
    if (option->count() == 0) {
      out.emplace_back();
    } else if (option->count() > 1) {
      return fail(Code::malformed, "daemon.options.argument", option->get_name() + " was given twice; give it once");
    } else {
      out.push_back(option->results().front());
    }
  }
  return out;
}

}  // namespace openpcc::daemon

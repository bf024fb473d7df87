#include "pipelined/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pipelined {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    std::string pattern = testing::TempDir() + "settings_XXXXXX";
    home_ = mkdtemp(pattern.data());
    sources_.home = home_;
    sources_.working_dir = "/work_dir";
    sources_.config_dirs = {home_ + "/envs"};
    std::filesystem::create_directory(home_ + "/envs");
  }
  ~SettingsTest() override { std::filesystem::remove_all(home_); }

  void Write(const std::string& name, const std::string& text) { std::ofstream(home_ + "/" + name) << text; }
  void HomeFile(const std::string& text) { Write("pipelined.yaml", text); }
  void Variable(const std::string& name, const std::string& value) { sources_.variables.emplace_back(name, value); }
  void Option(const std::string& name, const std::string& value) { sources_.command_line.emplace_back(name, value); }

  Settings Load() {
    Result<LoadedSettings> loaded = LoadSettings(sources_);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return loaded ? loaded->settings : Settings{};
  }
  // The mistakes, with the home's path shortened.
  std::string Mistakes() {
    const Result<LoadedSettings> loaded = LoadSettings(sources_);
    if (loaded) return "none";
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalid);
    std::string text = loaded.error().message;
    for (std::size_t at; (at = text.find(home_)) != text.npos;) text.replace(at, home_.size(), "HOME");
    return text;
  }
  EffectiveSetting Effective(const std::string& name) {
    const Result<LoadedSettings> loaded = LoadSettings(sources_);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    for (const EffectiveSetting& setting : loaded->effective) {
      if (setting.name == name) return setting;
    }
    ADD_FAILURE() << name;
    return {};
  }

  std::string home_;
  SettingsSources sources_;
};

TEST_F(SettingsTest, DefaultsNeedNoFile) {
  const Settings settings = Load();
  EXPECT_EQ(settings.api.host, "127.0.0.1");
  EXPECT_EQ(settings.api.port, 8080);
  EXPECT_EQ(settings.core.parallelism, 32);
  EXPECT_EQ(settings.database.url, "");
  EXPECT_EQ(settings.executor.log_cap, 64 * 1024 * 1024);
  EXPECT_EQ(settings.scheduler.lease_ttl, Seconds(10));
  EXPECT_THAT(settings.core.dags_folder, ElementsAre(home_ + "/dags"));
}

TEST_F(SettingsTest, TheLastSourceWins) {
  Write("envs/production.yaml", "api: {port: 1001, threads: 5, host: a}\ncore: {parallelism: 7}");
  HomeFile("api: {port: 1002, threads: 6, host: b}");
  Variable("PIPELINED__API__PORT", "1003");
  Variable("PIPELINED__API__THREADS", "9");
  Option("api.port", "1004");
  sources_.environment = "production";
  const Settings settings = Load();
  EXPECT_EQ(settings.core.parallelism, 7);
  EXPECT_EQ(settings.api.host, "b");
  EXPECT_EQ(settings.api.threads, 9);
  EXPECT_EQ(settings.api.port, 1004);
}

TEST_F(SettingsTest, EachValueSaysWhereItCameFrom) {
  HomeFile("# first\napi:\n  port: 1002\n");
  Variable("PIPELINED__API__THREADS", "9");
  Option("api.host", "::1");
  EXPECT_EQ(Effective("api.port").origin, home_ + "/pipelined.yaml:3");
  EXPECT_EQ(Effective("api.threads").origin, "PIPELINED__API__THREADS");
  EXPECT_EQ(Effective("api.host").origin, "command line");
  EXPECT_EQ(Effective("core.parallelism").origin, "default");
}

TEST_F(SettingsTest, AnUnknownKeyNamesFileLineAndNearestKey) {
  HomeFile("api:\n  prot: 8081\n");
  EXPECT_EQ(Mistakes(), "HOME/pipelined.yaml:2: unknown setting \"api.prot\"; did you mean \"api.port\"?");
}

TEST_F(SettingsTest, AKeyInTheWrongSectionFindsItsOwn) {
  HomeFile("core:\n  port: 8081\n");
  EXPECT_THAT(Mistakes(), HasSubstr("unknown setting \"core.port\"; did you mean \"api.port\"?"));
}

TEST_F(SettingsTest, ASectionOfALaterVersionIsSaidToBeOne) {
  HomeFile("lineage:\n  port: 1\n");
  EXPECT_EQ(Mistakes(), "HOME/pipelined.yaml:2: the section \"lineage\" has no settings yet in this version");
}

TEST_F(SettingsTest, AWrongTypeSaysWhatIsWanted) {
  HomeFile("api:\n  port: eighty\nscheduler: {lease_ttl: soon}\nexecutor: {log_cap: 3 tons}\nlogging: {level: loud}\n");
  EXPECT_EQ(
      Mistakes(),
      "HOME/pipelined.yaml:2: api.port: \"eighty\" is not a whole number\n"
      "HOME/pipelined.yaml:3: scheduler.lease_ttl: \"soon\" is not a duration such as \"500ms\", \"30s\" or \"1h30m\"\n"
      "HOME/pipelined.yaml:4: executor.log_cap: \"3 tons\" is not a size such as \"4096\", \"64KiB\" or \"100MiB\"\n"
      "HOME/pipelined.yaml:5: logging.level: \"loud\" is not one of debug|info|warning|error|off");
}

TEST_F(SettingsTest, ANumberOutOfRangeSaysTheRange) {
  Variable("PIPELINED__API__PORT", "65536");
  EXPECT_EQ(Mistakes(), "PIPELINED__API__PORT: api.port: 65536 is not between 0 and 65535");
}

TEST_F(SettingsTest, AnUnknownVariableIsAMistakeToo) {
  Variable("PIPELINED__API__PROT", "1");
  Variable("PIPELINED_HOME", "/elsewhere");  // one underscore: not a setting
  EXPECT_EQ(Mistakes(), "PIPELINED__API__PROT: unknown setting \"api.prot\"; did you mean \"api.port\"?");
}

TEST_F(SettingsTest, ADuplicateKeyIsAMistake) {
  HomeFile("api: {port: 1}\napi: {port: 2}\n");
  EXPECT_THAT(Mistakes(), HasSubstr("HOME/pipelined.yaml:2: the section \"api\" is there twice"));
}

TEST_F(SettingsTest, BrokenYamlNamesItsLine) {
  HomeFile("api:\n  port: [1\n");
  EXPECT_THAT(Mistakes(), HasSubstr("HOME/pipelined.yaml:3: "));
}

TEST_F(SettingsTest, AnEmptyOrCommentedFileIsFine) {
  HomeFile("");
  EXPECT_EQ(Load().api.port, 8080);
  HomeFile("# nothing\napi:\n  # port: 1\n");
  EXPECT_EQ(Load().api.port, 8080);
}

TEST_F(SettingsTest, ValuesMayComeFromVariablesFilesAndCommands) {
  Variable("DB_PASSWORD", "pw${env:HOME}");
  Write("db-host", "db.example\n");
  HomeFile(
      "database: {url: 'postgresql://u:${env:DB_PASSWORD}@${file:db-host}/x'}\napi:\n  port: {command: echo 1234}\n");
  const Settings settings = Load();
  EXPECT_EQ(settings.database.url,
            "postgresql://u:pw${env:HOME}@db.example/x");  // what is put in is not looked at again
  EXPECT_EQ(settings.api.port, 1234);
}

TEST_F(SettingsTest, AReferenceThatLeadsNowhereIsAMistake) {
  HomeFile("api:\n  host: ${env:NOPE}\n  port: {command: 'exit 3'}\ndatabase: {url: '${file:nope}'}\n");
  EXPECT_EQ(Mistakes(),
            "HOME/pipelined.yaml:2: api.host: the environment variable NOPE is not set\n"
            "HOME/pipelined.yaml:3: api.port: the command ended with exit code 3\n"
            "HOME/pipelined.yaml:4: database.url: cannot read HOME/nope: No such file or directory");
}

TEST_F(SettingsTest, AMistakeNeverRepeatsAValueFromElsewhere) {
  Variable("SECRET", "hunter2");
  HomeFile("api: {port: '${env:SECRET}'}");
  EXPECT_THAT(Mistakes(), testing::Not(HasSubstr("hunter2")));
}

TEST_F(SettingsTest, WhatIsASecretAsAWholeIsNotShownAtAll) {
  EXPECT_EQ(Effective("core.encryption_keys").value, "");
  HomeFile("core:\n  encryption_keys: abc,def\n");
  EXPECT_EQ(Load().core.encryption_keys, "abc,def");
  EXPECT_EQ(Effective("core.encryption_keys").value, "***");
}

TEST_F(SettingsTest, SecretsAreMasked) {
  HomeFile("database: {url: 'postgresql://u:pw@db/x'}");
  EXPECT_EQ(Effective("database.url").value, "postgresql://u:***@db/x");
  Variable("PIPELINED__DATABASE__URL", "${file:/dev/null}postgresql://u@db");
  EXPECT_EQ(Effective("database.url").value, "***");
  EXPECT_EQ(MaskPassword("host=h password=pw user=u"), "host=h password=*** user=u");
  EXPECT_EQ(MaskPassword("host=h password='p w' user=u"), "host=h password=***");
  EXPECT_EQ(MaskPassword("postgresql://u:p@w@h/x"), "postgresql://u:***@h/x");
  EXPECT_EQ(MaskPassword("postgresql:///x?host=/run"), "postgresql:///x?host=/run");
}

TEST_F(SettingsTest, FoldersAreAListAndStartWhereTheyWereSaid) {
  HomeFile("core: {dags_folder: [one, /two/]}");
  EXPECT_THAT(Load().core.dags_folder, ElementsAre(home_ + "/one", "/two"));
  Variable("PIPELINED__CORE__DAGS_FOLDER", "three:../four");
  EXPECT_THAT(Load().core.dags_folder, ElementsAre("/work_dir/three", "/four"));
  Option("core.dags_folder", "five");
  Option("core.dags_folder", "/six");
  EXPECT_THAT(Load().core.dags_folder, ElementsAre("/work_dir/five", "/six"));
}

TEST_F(SettingsTest, AnEnvironmentMustExist) {
  sources_.environment = "staging";
  EXPECT_EQ(Mistakes(), "there is no environment \"staging\"; known: none (files NAME.yaml in HOME/envs)");
  sources_.environment = "../staging";
  EXPECT_THAT(Mistakes(), HasSubstr("there is no environment \"../staging\""));
  for (const char* name : {"production", "testing", "pipelined"}) Write(std::string("envs/") + name + ".yaml", "");
  sources_.environment = "prodution";
  EXPECT_EQ(Mistakes(),
            "there is no environment \"prodution\"; did you mean \"production\"? known: production, testing (files "
            "NAME.yaml in HOME/envs)");
  sources_.environment = "pipelined";  // the list of all settings, or the home's own: no environment
  EXPECT_THAT(Mistakes(), HasSubstr("there is no environment \"pipelined\""));
}

std::string RepositoryFile(const std::string& name) {
  std::stringstream text;
  text << std::ifstream(std::string(PIPELINED_SOURCE_DIR) + "/config/" + name).rdbuf();
  return text.str();
}

// The file is written from the table: when this fails, run `pipelined config reference > config/pipelined.yaml`.
TEST_F(SettingsTest, TheReferenceInTheRepositoryIsTrue) {
  EXPECT_EQ(RepositoryFile("pipelined.yaml"), SettingsReference());
}

TEST_F(SettingsTest, TheReferenceUncommentedIsTheDefaults) {
  std::istringstream in(SettingsReference());
  std::string text;
  for (std::string line; std::getline(in, line);) {
    const bool is_setting = line.starts_with("  # ") && line.find(": ") != line.npos && std::islower(line[4]) &&
                            line.find(' ', 4) == line.find(": ") + 1;
    text += (is_setting ? "  " + line.substr(4) : line) + "\n";
  }
  HomeFile(text);
  const Result<LoadedSettings> written = LoadSettings(sources_);
  ASSERT_TRUE(written.ok()) << written.error().message;
  HomeFile("");
  const Result<LoadedSettings> defaults = LoadSettings(sources_);
  for (std::size_t i = 0; i < defaults->effective.size(); ++i) {
    EXPECT_EQ(written->effective[i].value, defaults->effective[i].value) << defaults->effective[i].name;
    EXPECT_THAT(written->effective[i].origin, HasSubstr("pipelined.yaml:")) << defaults->effective[i].name;
  }
}

TEST_F(SettingsTest, TheEnvironmentsOfTheRepositoryLoad) {
  sources_.config_dirs = {std::string(PIPELINED_SOURCE_DIR) + "/config"};
  for (const char* name : {"development", "testing", "production"}) {
    sources_.environment = name;
    EXPECT_EQ(Mistakes(), "none") << name;
  }
}

TEST_F(SettingsTest, AToggleIsOnOffOrAPercentage) {
  HomeFile("features:\n  notifications: off\n  log_retention: 12.5%");
  const Settings settings = Load();
  EXPECT_EQ(settings.features.notifications.share, 0);
  EXPECT_EQ(settings.features.log_retention.share, 1'250);
  EXPECT_EQ(settings.features.log_retention.feature, "log_retention");
  EXPECT_EQ(Effective("features.log_retention").value, "12.5%");
  EXPECT_EQ(Effective("features.log_retention").origin, home_ + "/pipelined.yaml:3");
  Variable("PIPELINED__FEATURES__NOTIFICATIONS", "on");
  EXPECT_EQ(Effective("features.notifications").origin, "PIPELINED__FEATURES__NOTIFICATIONS");
}

TEST_F(SettingsTest, AToggleThatIsNoneSaysWhatIsWanted) {
  HomeFile("features:\n  notifications: 25\n  notification: on\n  log_retention: true");
  EXPECT_EQ(
      Mistakes(),
      "HOME/pipelined.yaml:2: features.notifications: \"25\" is neither on nor off nor a percentage such as 25% or "
      "0.5%\n"
      "HOME/pipelined.yaml:3: unknown setting \"features.notification\"; did you mean \"features.notifications\"?\n"
      "HOME/pipelined.yaml:4: features.log_retention: \"true\" is neither on nor off nor a percentage such as 25% or "
      "0.5%");
}

}  // namespace
}  // namespace pipelined

#include <gmock/gmock.h>

#include "pipelined/access/name_rules.h"
#include "pipelined/access/password_rules.h"
#include "pipelined/access/permission.h"
#include "pipelined/access/rights.h"

namespace pipelined::access {
namespace {

using ::testing::ElementsAre;

PermissionSet Set(std::initializer_list<Permission> permissions) {
  PermissionSet set;
  for (const Permission permission : permissions) set.Add(permission);
  return set;
}

TEST(Permissions, AreFoundByTheirWordsAndEachWordIsThereOnce) {
  for (const PermissionInfo& info : kPermissions) EXPECT_EQ(PermissionFromString(info.name), info.permission);
  EXPECT_EQ(PermissionFromString("dags.READ"), std::nullopt);
  EXPECT_EQ(PermissionFromString(""), std::nullopt);
}

TEST(Roles, EachMayDoWhatThoseBeforeItMayAndTheAdminAll) {
  EXPECT_TRUE(PermissionsOf(BuiltIn::kUser).Holds(PermissionsOf(BuiltIn::kViewer)));
  EXPECT_TRUE(PermissionsOf(BuiltIn::kOp).Holds(PermissionsOf(BuiltIn::kUser)));
  EXPECT_EQ(PermissionsOf(BuiltIn::kAdmin), PermissionSet::All());
  EXPECT_FALSE(PermissionsOf(BuiltIn::kViewer).Has(Permission::kRunsTrigger));
  EXPECT_FALSE(PermissionsOf(BuiltIn::kUser).Has(Permission::kPoolsEdit));
  EXPECT_FALSE(PermissionsOf(BuiltIn::kOp).Has(Permission::kUsersRead));
  EXPECT_EQ(BuiltInFromString("op"), BuiltIn::kOp);
  EXPECT_EQ(BuiltInFromString("Op"), std::nullopt);
}

TEST(Rights, NoGrantNoRight) {
  EXPECT_FALSE(Rights().May(Permission::kDagsRead));
  EXPECT_FALSE(Rights().May(Permission::kDagsRead, "sales"));
  EXPECT_TRUE(Rights().Anywhere().empty());
}

TEST(Rights, AGrantForOneDagIsForThatAlone) {
  const Rights rights({Grant{PermissionsOf(BuiltIn::kUser), DagScope::Of({"sales"})}});
  EXPECT_TRUE(rights.May(Permission::kRunsTrigger, "sales"));
  EXPECT_FALSE(rights.May(Permission::kRunsTrigger, "sales2"));
  EXPECT_FALSE(rights.May(Permission::kRunsTrigger, "~"));
  EXPECT_FALSE(rights.May(Permission::kRunsTrigger));
  EXPECT_FALSE(rights.May(Permission::kPoolsRead)) << "not of a DAG: it takes a grant for everything";
  EXPECT_FALSE(rights.Anywhere().Has(Permission::kPoolsRead));
  EXPECT_TRUE(rights.Anywhere().Has(Permission::kDagsRead));
}

TEST(Rights, GrantsAddUp) {
  const Rights rights({Grant{PermissionsOf(BuiltIn::kViewer), DagScope::All()},
                       Grant{PermissionsOf(BuiltIn::kUser), DagScope::Of({"b", "a"})},
                       Grant{Set({Permission::kRunsTrigger}), DagScope::Of({"c"})}});
  EXPECT_TRUE(rights.May(Permission::kRunsRead));
  EXPECT_THAT(rights.ScopeOf(Permission::kRunsTrigger).dag_ids(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(rights.ScopeOf(Permission::kRunsDelete).dag_ids(), ElementsAre("a", "b"));
}

TEST(Rights, ATokenOnlyTakesAway) {
  const Rights user = Rights::Of(BuiltIn::kUser);
  const Rights some = user.Within(Set({Permission::kRunsTrigger, Permission::kPoolsEdit}), DagScope::Of({"sales"}));
  EXPECT_TRUE(some.May(Permission::kRunsTrigger, "sales"));
  EXPECT_FALSE(some.May(Permission::kRunsTrigger, "other"));
  EXPECT_FALSE(some.May(Permission::kRunsRead, "sales"));
  EXPECT_FALSE(some.May(Permission::kPoolsEdit)) << "the user never had it";
  EXPECT_TRUE(user.Within(std::nullopt, std::nullopt).May(Permission::kRunsRead));
}

TEST(Rights, NobodyHandsOnMoreThanHeHas) {
  const Rights user = Rights::Of(BuiltIn::kUser);
  EXPECT_TRUE(user.Hold(PermissionsOf(BuiltIn::kViewer), DagScope::All()));
  EXPECT_FALSE(user.Hold(PermissionsOf(BuiltIn::kOp), DagScope::Of({"sales"})));
  const Rights of_sales({Grant{PermissionsOf(BuiltIn::kUser), DagScope::Of({"sales"})}});
  EXPECT_TRUE(of_sales.Hold(PermissionsOf(BuiltIn::kUser), DagScope::Of({"sales"})));
  EXPECT_FALSE(of_sales.Hold(PermissionsOf(BuiltIn::kUser), DagScope::Of({"sales", "other"})));
  EXPECT_FALSE(of_sales.Hold(PermissionsOf(BuiltIn::kUser), DagScope::All()));
}

TEST(Rights, ATagIsMoreThanTheDagsThatHaveItNow) {
  const PermissionSet user = PermissionsOf(BuiltIn::kUser);
  const DagScope empty_tag = DagScope::OfTag("finance", {}), tag = DagScope::OfTag("finance", {"sales"});
  const Rights nothing, of_dag({Grant{user, DagScope::Of({"sales"})}}), of_tag({Grant{user, tag}});
  EXPECT_FALSE(nothing.Hold(user, empty_tag)) << "it may come to stand for any DAG";
  EXPECT_FALSE(nothing.Hold(Rights({Grant{user, empty_tag}})));
  EXPECT_FALSE(of_dag.Hold(user, tag));
  EXPECT_TRUE(of_tag.Hold(user, tag));
  EXPECT_TRUE(of_tag.Hold(user, DagScope::Of({"sales"})));
  EXPECT_FALSE(of_tag.Hold(user, DagScope::OfTag("stock", {})));
  EXPECT_TRUE(Rights::Of(BuiltIn::kUser).Hold(user, empty_tag));
  EXPECT_TRUE(of_tag.May(Permission::kRunsTrigger, "sales"));
  EXPECT_FALSE(of_tag.May(Permission::kRunsTrigger, "finance"));
  const Rights limited = of_tag.Within(std::nullopt, DagScope::Of({"sales"}));
  EXPECT_TRUE(limited.May(Permission::kRunsTrigger, "sales"));
  EXPECT_FALSE(limited.Hold(user, empty_tag)) << "a token for one DAG is not for the tag";
}

TEST(Names, AreOfPlainLettersAlone) {
  for (const char* good : {"ann", "ci@example.com", "A.b_c+d-9"}) EXPECT_TRUE(IsAccountName(good)) << good;
  for (const char* bad : {"", ".", "..", "a/b", "a b", " ann", "ann\n", "~", "a\x1b", "\xc3\xa4nn", "\xd0\xb0nn"})
    EXPECT_FALSE(IsAccountName(bad)) << bad;
  EXPECT_TRUE(IsAccountName(std::string(100, 'a')));
  EXPECT_FALSE(IsAccountName(std::string(101, 'a')));
}

TEST(Passwords, AreLongEnoughAndNoneThatIsTriedFirst) {
  EXPECT_EQ(PasswordFault("gravel-orbit-7", "ann", 12), std::nullopt);
  EXPECT_EQ(PasswordFault("ünïcödé-öäü§", "ann", 12), std::nullopt) << "characters, not bytes";
  for (const char* bad : {"short", "Password1234", "!!PASSWORT!!2026", "123456789012", "aaaaaaaaaaaa", "qwertyuiop99"})
    EXPECT_NE(PasswordFault(bad, "ann", 12), std::nullopt) << bad;
  EXPECT_NE(PasswordFault("annalivia123", "AnnaLivia", 12), std::nullopt);
  EXPECT_NE(PasswordFault(std::string(300, 'x') + "y", "ann", 12), std::nullopt);
}

}  // namespace
}  // namespace pipelined::access

-- Lost: all sessions, so that browsers sign in anew; and who is whom at the identity provider. The users that were made by it stay, with
-- their grants and without a password. When the schema is back they are refused there (409, somebody else has the name) until they
-- are deleted or renamed here.
drop trigger app_user_ends_sessions on app_user;
drop function end_user_sessions();
drop table user_identity;
drop table user_session;

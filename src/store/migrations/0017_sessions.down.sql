drop trigger app_user_ends_sessions on app_user;
drop function end_user_sessions();
drop table user_identity;
drop table user_session;

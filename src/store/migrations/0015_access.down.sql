-- Lost: service accounts and their tokens; roles of one's own; grants for DAGs and for tags, and all but the highest for everything;
-- tokens with limits or without an end; what tokens are for; who is disabled (he keeps his password and may do nothing).
-- Kept: users with their passwords, and the built-in role that each has for everything. Whoever had less gets the role "none", which
-- gives nothing: an earlier program knows no limits.
drop trigger app_user_keep_admin on app_user;
drop trigger access_grant_keep_admin on access_grant;
drop function keep_admin();
delete from token where permissions is not null or dag_ids is not null or expires_at is null;
delete from app_user where kind = 'service';
drop index token_of_account, token_by_id;
alter table token drop column id, drop column name, drop column kind, drop column permissions, drop column dag_ids, drop column created_at, drop column last_used_at;
alter table token alter column expires_at set not null;
alter table app_user add column role text;
update app_user u set role = coalesce((
  select g.role from access_grant g where g.account_id = u.id and g.scope = 'all' and not u.disabled and g.role in ('viewer', 'user', 'op', 'admin')
   order by array_position(array['admin', 'op', 'user', 'viewer'], g.role) limit 1), 'none');
alter table app_user alter column role set not null;
alter table app_user drop column kind, drop column disabled, drop column created_at, drop column password_changed_at;
drop table access_grant;
drop table access_role;

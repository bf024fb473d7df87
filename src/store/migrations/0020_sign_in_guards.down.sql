-- Nothing is lost.
drop index dag_tags;
drop trigger access_role_grants on access_role;
drop function drop_grants_of_role();
drop trigger access_grant_role on access_grant;
drop function need_role();
create or replace function end_user_sessions() returns trigger language plpgsql as $$
begin
  delete from user_session where user_id = new.id;
  return null;
end $$;

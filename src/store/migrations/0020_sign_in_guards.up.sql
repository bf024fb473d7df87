-- What a log-in is made from can change while it is made. These hold what the rows of others cannot: each looks when the change is
-- made, after whatever it had to wait for, and not when its statement began.

-- Log-ins with a token end with the password too, and whoever is disabled has to log in again. Who hands one out locks the user's row
-- for share, so that either he sees the new password or this sees what he handed out.
create or replace function end_user_sessions() returns trigger language plpgsql as $$
begin
  delete from user_session where user_id = new.id;
  delete from token where user_id = new.id and kind = 'login';
  return null;
end $$;

-- A grant of a role that is not there would come alive with the next role of that name. No foreign key: the program's own roles have no
-- rows. Who gives one while it is deleted waits, and then there is none. PL004: there is no such role.
delete from access_grant g where role not in ('viewer', 'user', 'op', 'admin') and not exists (select from access_role r where r.name = g.role);
create function need_role() returns trigger language plpgsql as $$
begin
  if new.role in ('viewer', 'user', 'op', 'admin') then
    return new;
  end if;
  perform 1 from access_role where name = new.role for key share;
  if not found then
    raise exception 'there is no role "%"', new.role using errcode = 'PL004';
  end if;
  return new;
end $$;
create trigger access_grant_role before insert or update of role on access_grant for each row execute function need_role();
create function drop_grants_of_role() returns trigger language plpgsql as $$
begin
  delete from access_grant where role = old.name;
  return null;
end $$;
create trigger access_role_grants after delete on access_role for each row execute function drop_grants_of_role();

-- The DAGs of a tag are asked for with each request of somebody who has a grant for it.
create index dag_tags on dag using gin (tags) with (fastupdate = off);  -- tags change far less often than they are asked for

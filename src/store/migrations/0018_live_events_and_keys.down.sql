drop table idempotency_key;
drop function follow_events();
drop trigger event_said on event;
drop function say_events();
alter table event alter id set default nextval('event_id');

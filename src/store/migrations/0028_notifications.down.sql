-- Loses all notifications: what was sent, and what is still to be sent.
drop table notification_attempt;
drop table notification;

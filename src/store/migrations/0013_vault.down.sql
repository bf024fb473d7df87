drop table connection;
drop table variable;

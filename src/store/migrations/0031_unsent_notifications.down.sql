-- Messages of runs that are no more stay as they are: sent, and removed by their age.
drop trigger dag_ends_alerts on dag;
drop function alerts_end_with_their_dag;
drop trigger dag_run_leaves_notifications on dag_run;
drop function notifications_outlive_run;

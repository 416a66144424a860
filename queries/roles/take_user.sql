-- Switch back to the role of the learner.
set local role app_user;

-- What follows does only what a learner may.
set local role app_user;

-- What follows does what a learner's action has for a consequence, still for that learner alone.
set local role app_engine;

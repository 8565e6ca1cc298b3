-- The model whose limits counted the attempt, where it is another than was asked for: a fallback, or what a route chose.
-- A budget that has to be summed again goes by it.
alter table entries add column limit_model text collate "C";
create index entries_limit_model on entries (limit_model, at, id) where limit_model is not null;

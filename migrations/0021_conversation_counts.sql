-- How many items a conversation has: it is bounded, as its size is.
alter table conversations add column items bigint not null default 0;
update conversations c set items = (select count(*) from conversation_items i where i.conversation_id = c.id);

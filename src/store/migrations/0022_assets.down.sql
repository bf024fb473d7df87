drop function store_asset_events(bigint, text[], text[], text[], text[], text[], int[]);
drop table asset_event;
drop table asset_reference;
drop table asset;

BEGIN TRANSACTION;
CREATE TABLE "access_token" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "prefix" VARCHAR(20) NOT NULL UNIQUE,
    "secret_hash" VARCHAR(64) NOT NULL,
    "title" VARCHAR(255) NOT NULL,
    "scopes" VARCHAR(255) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT,
    "last_accessed_at_ms" BIGINT,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
, "application_id" BIGINT REFERENCES "application" ("id") ON DELETE CASCADE);
INSERT INTO "access_token" VALUES(1,'c226270f-7389-4920-b26d-dfba7834b2aa','O0QriyGpIloQnkf5qfFe','9a7ad98bc61a6d275dc4e073f8972a1fd0b3e05b06a9b8a54e65bfa1abcff936','test','org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read',1795447701826,2111023701826,NULL,2,NULL);
CREATE TABLE "account" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "kind" VARCHAR(16) NOT NULL,
    "name" VARCHAR(255) NOT NULL UNIQUE,
    "email" VARCHAR(254),
    "password_hash" TEXT,
    "is_enabled" INT NOT NULL,
    "is_verified" INT NOT NULL,
    "is_superuser" INT NOT NULL,
    "auth_epoch" BIGINT NOT NULL,
    "tag_expiration_s" BIGINT NOT NULL,
    "invoice_email" INT NOT NULL,
    "invoice_email_address" VARCHAR(254),
    "given_name" VARCHAR(255),
    "family_name" VARCHAR(255),
    "company" VARCHAR(255),
    "location" VARCHAR(255),
    "created_at_ms" BIGINT NOT NULL,
    "last_accessed_at_ms" BIGINT,
    "deleted_at_ms" BIGINT
);
INSERT INTO "account" VALUES(1,'c989e261-79f3-470a-af65-44209532c6b6','user','ada','ada@localhost.localdomain','$argon2id$v=19$m=19456,t=2,p=1$Ogz1OUcrK3AxDrXs7MEMzw$HNg4hn945rWt10DfSfUy6+Hp7e7B095q5OA/J5pa3t0',1,1,1,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795447701562,NULL,NULL);
INSERT INTO "account" VALUES(2,'1e393abb-6d99-4b10-a02a-6764d2e845cd','user','bob','bob@example.com',NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795447701796,NULL,NULL);
INSERT INTO "account" VALUES(3,'446ad955-4661-4de1-964d-981be04ed7df','organization','acme',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795447701801,NULL,NULL);
INSERT INTO "account" VALUES(4,'7e0290d8-3cbb-49de-9299-a4d12217cc3f','robot','acme+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795447701818,NULL,NULL);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','account_search','account_search',0,'CREATE VIRTUAL TABLE account_search USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'account_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "account_search_config" VALUES('version',4);
CREATE TABLE 'account_search_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "account_search_content" VALUES(1,'ada');
INSERT INTO "account_search_content" VALUES(2,'bob');
INSERT INTO "account_search_content" VALUES(3,'acme');
CREATE TABLE 'account_search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "account_search_data" VALUES(1,X'0304');
INSERT INTO "account_search_data" VALUES(10,X'000000000103030003010101020101030101');
INSERT INTO "account_search_data" VALUES(137438953473,X'0000000C043061646101020204');
INSERT INTO "account_search_data" VALUES(274877906945,X'0000000C0430626F6202020204');
INSERT INTO "account_search_data" VALUES(412316860417,X'00000014043061636D0302020103636D650302030408');
CREATE TABLE 'account_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "account_search_docsize" VALUES(1,X'01');
INSERT INTO "account_search_docsize" VALUES(2,X'01');
INSERT INTO "account_search_docsize" VALUES(3,X'02');
CREATE TABLE 'account_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "account_search_idx" VALUES(1,X'',2);
INSERT INTO "account_search_idx" VALUES(2,X'',2);
INSERT INTO "account_search_idx" VALUES(3,X'',2);
CREATE TABLE "app_token" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "title" VARCHAR(255) NOT NULL,
    "prefix" VARCHAR(60) NOT NULL UNIQUE,
    "secret_encrypted" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT,
    "last_accessed_at_ms" BIGINT,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "app_token" VALUES(1,'e87b176d-4912-4f55-ba56-259208bb2977','laptop','EER5HCRDUW8469UJXGVRIL8DEOQEUQ75ADI6KTDFN14AL57BABA255EQFSTT','gAAAAABrBFuVEFXEfdQkDQd84dl7cTea1Q8cLZP5H9Wb2-u5-sR8bJut_RJTF237o_Is-vB4IYzp04SQFpxD-e35ZDufwle17_-m6MAqoqIYjMGCh-16jCAng-jtF2aP1OIZe6xp67fRgQaGMYYZziP1gWDuLx8sow==',1795447701838,NULL,NULL,2);
CREATE TABLE "application" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "client_id" VARCHAR(32) NOT NULL UNIQUE,
    "client_secret_encrypted" TEXT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "description" TEXT NOT NULL,
    "application_uri" VARCHAR(2000) NOT NULL,
    "redirect_uri" VARCHAR(2000) NOT NULL,
    "avatar_email" VARCHAR(254),
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "audit_daily" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "performer_id" BIGINT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "day" INT NOT NULL,
    "entries" BIGINT NOT NULL,
    CONSTRAINT "uid_audit_daily_namespa_aabd36" UNIQUE ("namespace_id", "day", "repository_id", "performer_id", "kind")
);
CREATE TABLE "audit_log" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "namespace_id" BIGINT,
    "repository_id" BIGINT,
    "performer_id" BIGINT,
    "ip" VARCHAR(64),
    "metadata" JSON NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
INSERT INTO "audit_log" VALUES(1,'user_create',1,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1795447701563);
INSERT INTO "audit_log" VALUES(2,'account_initialized',1,NULL,NULL,NULL,'{"username":"ada"}',1795447701566);
INSERT INTO "audit_log" VALUES(3,'user_create',2,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1795447701797);
INSERT INTO "audit_log" VALUES(4,'org_create',3,NULL,1,NULL,'{"email":null,"namespace":"acme"}',1795447701806);
INSERT INTO "audit_log" VALUES(5,'create_robot',3,NULL,1,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1795447701819);
INSERT INTO "audit_log" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,'{"token":"c226270f-7389-4920-b26d-dfba7834b2aa","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1795447701827);
INSERT INTO "audit_log" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"e87b176d-4912-4f55-ba56-259208bb2977"}',1795447701838);
INSERT INTO "audit_log" VALUES(8,'create_repo',3,1,1,NULL,'{"repo":"app","namespace":"acme"}',1795447701842);
INSERT INTO "audit_log" VALUES(9,'create_repo',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme"}',1795447701844);
INSERT INTO "audit_log" VALUES(10,'change_repo_permission',3,1,1,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1795447701847);
INSERT INTO "audit_log" VALUES(11,'change_repo_permission',3,1,1,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1795447701849);
INSERT INTO "audit_log" VALUES(12,'create_tag',3,1,3,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","namespace":"acme","original_manifest_digest":null}',1795447701859);
INSERT INTO "audit_log" VALUES(13,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1795447701860);
INSERT INTO "audit_log" VALUES(14,'move_tag',3,1,3,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","namespace":"acme","original_manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a"}',1795447701867);
INSERT INTO "audit_log" VALUES(15,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1795447701867);
INSERT INTO "audit_log" VALUES(16,'move_tag',3,1,3,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1"}',1795447701870);
INSERT INTO "audit_log" VALUES(17,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1795447701870);
INSERT INTO "audit_log" VALUES(18,'create_tag',3,1,3,NULL,'{"username":"acme","repo":"app","tag":"v1","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795447701872);
INSERT INTO "audit_log" VALUES(19,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1795447701872);
INSERT INTO "audit_log" VALUES(20,'change_tag_immutability',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1795447701874);
INSERT INTO "audit_log" VALUES(21,'create_tag',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795447701876);
INSERT INTO "audit_log" VALUES(22,'change_tag_expiration',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1795534101,"old_expiration_date":null}',1795447701878);
INSERT INTO "audit_log" VALUES(23,'create_tag',3,2,3,NULL,'{"username":"acme","repo":"tools/base","tag":"1.0","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","namespace":"acme","original_manifest_digest":null}',1795447701885);
INSERT INTO "audit_log" VALUES(24,'push_repo',3,2,3,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1795447701885);
INSERT INTO "audit_log" VALUES(25,'create_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1795447701888);
INSERT INTO "audit_log" VALUES(26,'delete_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1795447701890);
CREATE TABLE "authorization_code" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL UNIQUE,
    "scopes" VARCHAR(255) NOT NULL,
    "redirect_uri" VARCHAR(2000) NOT NULL,
    "code_challenge" VARCHAR(128),
    "code_challenge_method" VARCHAR(8),
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "application_id" BIGINT NOT NULL REFERENCES "application" ("id") ON DELETE CASCADE
);
CREATE TABLE "blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL UNIQUE,
    "size_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
INSERT INTO "blob" VALUES(1,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',40,1795447701852);
INSERT INTO "blob" VALUES(2,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',5,1795447701855);
INSERT INTO "blob" VALUES(3,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',57,1795447701862);
INSERT INTO "blob" VALUES(5,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',78,1795447701880);
INSERT INTO "blob" VALUES(6,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',4,1795447701882);
CREATE TABLE "daily_activity" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "day" INT NOT NULL,
    "actor_kind" VARCHAR(16) NOT NULL,
    "pulls" BIGINT NOT NULL,
    "checks" BIGINT NOT NULL,
    "pushes" BIGINT NOT NULL,
    CONSTRAINT "uid_daily_activ_reposit_e7e116" UNIQUE ("repository_id", "day", "actor_kind")
);
INSERT INTO "daily_activity" VALUES(1,1,3,20780,'user',0,0,4);
INSERT INTO "daily_activity" VALUES(5,2,3,20780,'user',0,0,1);
CREATE TABLE "email_code" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL UNIQUE,
    "purpose" VARCHAR(16) NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "event" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "namespace_id" BIGINT,
    "repository_id" BIGINT,
    "performer_id" BIGINT,
    "credential_kind" VARCHAR(16),
    "credential_id" BIGINT,
    "ip" VARCHAR(64),
    "request_id" VARCHAR(64),
    "metadata" JSON NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "transaction_id" BIGINT
);
INSERT INTO "event" VALUES(1,'user_create',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1795447701566,NULL);
INSERT INTO "event" VALUES(2,'account_initialized',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"username":"ada"}',1795447701566,NULL);
INSERT INTO "event" VALUES(3,'user_create',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1795447701797,NULL);
INSERT INTO "event" VALUES(4,'org_create',3,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"acme"}',1795447701806,NULL);
INSERT INTO "event" VALUES(5,'create_robot',3,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1795447701819,NULL);
INSERT INTO "event" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"token":"c226270f-7389-4920-b26d-dfba7834b2aa","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1795447701827,NULL);
INSERT INTO "event" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,NULL,NULL,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"e87b176d-4912-4f55-ba56-259208bb2977"}',1795447701838,NULL);
INSERT INTO "event" VALUES(8,'create_repo',3,1,1,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme"}',1795447701842,NULL);
INSERT INTO "event" VALUES(9,'create_repo',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme"}',1795447701844,NULL);
INSERT INTO "event" VALUES(10,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1795447701847,NULL);
INSERT INTO "event" VALUES(11,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1795447701849,NULL);
INSERT INTO "event" VALUES(12,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","namespace":"acme","original_manifest_digest":null}',1795447701860,NULL);
INSERT INTO "event" VALUES(13,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1795447701860,NULL);
INSERT INTO "event" VALUES(14,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","namespace":"acme","original_manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a"}',1795447701867,NULL);
INSERT INTO "event" VALUES(15,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1795447701867,NULL);
INSERT INTO "event" VALUES(16,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1"}',1795447701870,NULL);
INSERT INTO "event" VALUES(17,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1795447701870,NULL);
INSERT INTO "event" VALUES(18,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"v1","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795447701872,NULL);
INSERT INTO "event" VALUES(19,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1795447701872,NULL);
INSERT INTO "event" VALUES(20,'change_tag_immutability',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1795447701874,NULL);
INSERT INTO "event" VALUES(21,'create_tag',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795447701877,NULL);
INSERT INTO "event" VALUES(22,'change_tag_expiration',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1795534101,"old_expiration_date":null}',1795447701878,NULL);
INSERT INTO "event" VALUES(23,'create_tag',3,2,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"tools/base","tag":"1.0","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","namespace":"acme","original_manifest_digest":null}',1795447701885,NULL);
INSERT INTO "event" VALUES(24,'push_repo',3,2,3,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1795447701885,NULL);
INSERT INTO "event" VALUES(25,'create_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1795447701888,NULL);
INSERT INTO "event" VALUES(26,'delete_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1795447701890,NULL);
CREATE TABLE "global_message" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "content" TEXT NOT NULL,
    "media_type" VARCHAR(64) NOT NULL,
    "severity" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
CREATE TABLE "immutability_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "tag_pattern" VARCHAR(256) NOT NULL,
    "tag_pattern_matches" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
CREATE TABLE "job" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "payload" JSON NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "run_at_ms" BIGINT NOT NULL,
    "attempts" INT NOT NULL,
    "lease_holder" VARCHAR(64),
    "lease_until_ms" BIGINT,
    "error" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "finished_at_ms" BIGINT
);
INSERT INTO "job" VALUES(1,'repository.purge','{"repository_id":3}','waiting',1795447701890,0,NULL,NULL,NULL,1795447701890,NULL);
INSERT INTO "job" VALUES(2,'upload.expire','{}','waiting',1795447701893,0,NULL,NULL,NULL,1795447701893,NULL);
CREATE TABLE "label" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "key" VARCHAR(255) NOT NULL,
    "value" TEXT NOT NULL,
    "media_type" VARCHAR(64) NOT NULL,
    "source" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE
);
CREATE TABLE "lease" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "holder" VARCHAR(64) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL
);
INSERT INTO "lease" VALUES('job-runner','elsewhere:1:1',1795447701895);
CREATE TABLE "mail" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "recipient" VARCHAR(254) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "body" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "sent_at_ms" BIGINT,
    "error" TEXT
);
CREATE TABLE "manifest" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "artifact_type" VARCHAR(255),
    "size_bytes" BIGINT NOT NULL,
    "layers_size_bytes" BIGINT NOT NULL,
    "is_index" INT NOT NULL,
    "config_digest" VARCHAR(140),
    "config_media_type" VARCHAR(255),
    "subject_digest" VARCHAR(140),
    "annotations" JSON,
    "os" VARCHAR(64),
    "architecture" VARCHAR(64),
    "variant" VARCHAR(64),
    "created_at_ms" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE, "artifact_kind" VARCHAR(16),
    CONSTRAINT "uid_manifest_reposit_48a89c" UNIQUE ("repository_id", "digest")
);
INSERT INTO "manifest" VALUES(1,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1795447701857,1,NULL);
INSERT INTO "manifest" VALUES(2,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','arm64','v8',1795447701866,1,NULL);
INSERT INTO "manifest" VALUES(3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088','application/vnd.oci.image.index.v1+json',NULL,393,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795447701869,1,NULL);
INSERT INTO "manifest" VALUES(4,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,4,0,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1795447701884,2,NULL);
CREATE TABLE "manifest_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "is_distributable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_bl_manifes_1ad51e" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_blob" VALUES(1,0,'config','sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',40,1,1);
INSERT INTO "manifest_blob" VALUES(2,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,1);
INSERT INTO "manifest_blob" VALUES(3,0,'config','sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',57,1,2);
INSERT INTO "manifest_blob" VALUES(4,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,2);
INSERT INTO "manifest_blob" VALUES(5,0,'config','sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',78,1,4);
INSERT INTO "manifest_blob" VALUES(6,1,'layer','sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2','application/vnd.oci.image.layer.v1.tar+gzip',4,1,4);
CREATE TABLE "manifest_body" (
    "body" BLOB NOT NULL,
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A34303934386537306335353835376239336165333033346536336563303565383737353334396434356136303466626233623664306133353733613766653936222C2273697A65223A34307D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',1);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A33623834643464323639313037633731383262373936343139613333326263323536393834356135383938636436313837663963353462303433353631353736222C2273697A65223A35377D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',2);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E696E6465782E76312B6A736F6E222C226D616E696665737473223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A63626433656335656636613466623635333437326661613736333535373163626135363162613363663564656362646161633239653665353031663738633861222C2273697A65223A3339387D2C7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A35323231343835646366346434326138633639613864326664666366323964323062303037326166633765633563643666306632643438663235333836306431222C2273697A65223A3339387D5D7D',3);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A63356231643633363034663237333436326566333666616461633331383264343361653661363133383733316366353934623331343833356366316330333466222C2273697A65223A37387D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A63616536363231373266643435306262306364373130613736393037396330356266633564386533356566613635373665646337643033373761666464346132222C2273697A65223A347D5D7D',4);
CREATE TABLE "manifest_child" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "artifact_type" VARCHAR(255),
    "size_bytes" BIGINT NOT NULL,
    "os" VARCHAR(64),
    "architecture" VARCHAR(64),
    "variant" VARCHAR(64),
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_ch_manifes_11c957" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_child" VALUES(1,0,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3);
INSERT INTO "manifest_child" VALUES(2,1,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3);
CREATE TABLE "manifest_pulls" (
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL
);
CREATE TABLE "permission_prototype" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "role" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "activating_account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "delegate_account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "delegate_team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "plan" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "kind" VARCHAR(64) NOT NULL,
    "arguments" JSON NOT NULL,
    "fingerprint" VARCHAR(64) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "repository" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "name" VARCHAR(255) NOT NULL,
    "visibility" VARCHAR(16) NOT NULL,
    "state" VARCHAR(24) NOT NULL,
    "description" TEXT,
    "badge_token" VARCHAR(64) NOT NULL,
    "auth_epoch" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "deleted_at_ms" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_repository_namespa_e3d1c2" UNIQUE ("namespace_id", "name")
);
INSERT INTO "repository" VALUES(1,'c9be4ddb-5f2e-4a13-9a20-044d3ce68f25','app','private','NORMAL',NULL,'RISIUHQV491KS0IL43T960NTPH8J67D3MPJ1E2Q0',2,1795447701840,NULL,3);
INSERT INTO "repository" VALUES(2,'febfd3ca-0265-4920-8fbd-75ddb7b82654','tools/base','public','NORMAL',NULL,'TGAT0NF0VMD86DITUYEPVZN1VQYICKSHU31LOOTG',0,1795447701844,NULL,3);
INSERT INTO "repository" VALUES(3,'5dff6f6c-6ec9-42ef-b563-40d38ebc425b','5dff6f6c-6ec9-42ef-b563-40d38ebc425b','private','MARKED_FOR_DELETION',NULL,'GYHE7MQ5XSYL0P92DAX7NQ6T03FJZY8ZCPZH64ZE',1,1795447701888,1795447701890,1);
CREATE TABLE "repository_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "blob_id" BIGINT NOT NULL REFERENCES "blob" ("id") ON DELETE RESTRICT,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_b80265" UNIQUE ("repository_id", "blob_id")
);
INSERT INTO "repository_blob" VALUES(1,1795447701852,1,1);
INSERT INTO "repository_blob" VALUES(2,1795447701855,2,1);
INSERT INTO "repository_blob" VALUES(3,1795447701862,3,1);
INSERT INTO "repository_blob" VALUES(5,1795447701880,5,2);
INSERT INTO "repository_blob" VALUES(6,1795447701882,6,2);
CREATE TABLE "repository_permission" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    "team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_c70dc7" UNIQUE ("repository_id", "account_id"),
    CONSTRAINT "uid_repository__reposit_3d7a50" UNIQUE ("repository_id", "team_id")
);
INSERT INTO "repository_permission" VALUES(1,'admin',1,1,NULL);
INSERT INTO "repository_permission" VALUES(2,'admin',1,2,NULL);
INSERT INTO "repository_permission" VALUES(3,'write',2,1,NULL);
INSERT INTO "repository_permission" VALUES(4,'read',4,1,NULL);
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search','repository_search',0,'CREATE VIRTUAL TABLE repository_search USING fts5(name, description, tokenize=''trigram'')');
CREATE TABLE 'repository_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_config" VALUES('version',4);
CREATE TABLE 'repository_search_content'(id INTEGER PRIMARY KEY, c0, c1);
INSERT INTO "repository_search_content" VALUES(1,'app',NULL);
INSERT INTO "repository_search_content" VALUES(2,'tools/base',NULL);
CREATE TABLE 'repository_search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_data" VALUES(1,X'020900');
INSERT INTO "repository_search_data" VALUES(10,X'000000000104040004010101020101030101040101');
INSERT INTO "repository_search_data" VALUES(137438953473,X'0000000C043061707001020204');
INSERT INTO "repository_search_data" VALUES(274877906945,X'0000004304302F62610202070103617365020209010362617302020801036C732F02020501036F6C7302020402026F6C0202030103732F620202060103746F6F0202020408080808080708');
INSERT INTO "repository_search_data" VALUES(412316860417,X'000000140430676F6E03020201036F6E650302030408');
INSERT INTO "repository_search_data" VALUES(549755813889,X'000000120430676F6E030101036F6E6503010407');
CREATE TABLE 'repository_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_docsize" VALUES(1,X'0100');
INSERT INTO "repository_search_docsize" VALUES(2,X'0800');
CREATE TABLE 'repository_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "repository_search_idx" VALUES(1,X'',2);
INSERT INTO "repository_search_idx" VALUES(2,X'',2);
INSERT INTO "repository_search_idx" VALUES(3,X'',2);
INSERT INTO "repository_search_idx" VALUES(4,X'',2);
CREATE TABLE "robot" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "token_encrypted" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "unstructured_metadata" JSON NOT NULL,
    "owner_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    "account_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "robot" VALUES(1,'gAAAAABrBFuVojZgdl6rzjsjnumOTfi059op5vP4_3MQKB7cIubEzjZMcPEnlw6jNkRuYWnkzTC4IazNVgUrGf9RetsLpi6xYhdQ8SQrDu_gZTGE9-hTEx1janMdpz0HuEJ6B-Ax4loXjpS6gY7-aSm9OkBCgUbGdByfEinifkqgQsmzLxq8g_U=','','{}',3,4);
CREATE TABLE "robot_federation" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "issuer" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_robot_feder_account_2b40ea" UNIQUE ("account_id", "issuer", "subject")
);
CREATE TABLE "service_key" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kid" VARCHAR(64) NOT NULL UNIQUE,
    "service" VARCHAR(255) NOT NULL,
    "private_key_encrypted" TEXT,
    "public_key" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT
);
INSERT INTO "service_key" VALUES(1,'quayside-registry-1','quayside-registry','gAAAAABrBFuVnm2rWDqAkqjvEAFZbxf-Ui74x_vLGWS692VthPxlAy-nFSKs034Qxf_J1JAtAv1K4HwF5zR4X0UYN-fXZam6QZfBaGiueGDAazS4wfQTB40b6nIQYpQqRpBfJy0EWn1EE48oUArZCpWl_GuGvrO4bf_Am101hA4kuuQUgTMa4DdMPTpe026c1SG6nMqHsDkIGRP9d-HLmInjIS1k8tzBCazE4l5JB42sbmP2Dj9_2_7sSeBso6iZMBdMFnA3AOPzvwvY8nmuvsIkT3B8M0IFmCvvShFr_b9Uj8_u88gPIMTJdUnIrgfg-XijnXeg_LcXD8BAdCpi49gilT3RXgF6goKNXgwyPTM_-QG5ALHcsbz5QRVr3xqo1c3u1fGgxiCS_up-HcXvVvZRQmAkB3-eIuDEoTRNDAx5ZucLmHcOAEmsPn_lwM5q6oi5q2Wo2_2t7pj34r5uY9vf-oIh6RHOb4YP_kvMjMKCx1_vGDa7d6pb7yK7ZBO04UpUfvF_zAMkvyz2NilIrJ1HGo36M6c7C_peGY4Gp4dIS4Wt5SeZPOiBCMoyZ_MepfjWe-j56pgZpZb_61ZCe8ieaOr28LHjAW2pRWydqFVR8J54g-esqUQeb6KKraCGPXmRw8VZGDlZ1IFliuGb-ZD1KMinTVgvLMdXWOIhA5Sn2_FlzJbonKX5FurQ6A7a0SzUhL6CgxAR_JQxs3G3EFWrfsbvWwn1M3L-WzAOUn19pl59ev0DImO9BFpqd_tOu4sT4k-zJ5r8m0dsdT8RKKsE9UUkCt51OCoo-YqxRTZPwSduUjki316o_tCYkGbzYdHwZqQ0xvMCeyMLFx8re8UNQMTMEXUxtp3zcGdTpIn4URyLp-ShhndGsbrDPFXAaLH9FhI_m1yBQhTobtgKyTmxAubHKf-TmY7c5GWkuqc_f02PQLodpkQKQcV44Qdh2q-0zUGKdwpAJdXP6ZfL2uvc0yZFxZQ2Cf3NdH-fdkgcmq5Ib_sOKYQQx2VAg1R-SSvzhnxuRfbb68VdBWf6XgDVkQMMihtcF_tWzoW7rgrEGRlXhlCgwWL8-AIrfTFuGPYRaUNnIMn3koBj2cEPHH0nJ_j5FJul28FnJX8Yx1Bi64D14dJuRnV9TuekeBgUjgkHEDm2g1smz5togo2Y4kEfgneJ_Dw1_-L90DqHjf0-ZPBd_INiQaUNXaXOXCuZb7CEAewdmSjC02A1B9bptD2EDK24_NbS0XTfm9iAfx7P_NpTzf7ZvlYEF3w9CRiqs_sZkWHW0Zcqbm_ztDJfUPdjmEzAzlD0EyGi-Ji5gQfo-abRZnCXcDUKo1WnW-T6vsbyNmOkuyX9e_Z5Jy2dBKiCVvvHnsgkDiAbswC8NXZH9Makl9MhEBKiPc1DLTZrZAEWz0qmoO9qiHS3no9FCL0U03NfzRv_-RXPWEUxSojbdUAJ25tCdBybaLW5_mF27jZEIZ9ewsEg5RiK_ni9g8LB6kLdNt2ocQ8EhOGxqnBPPy1WxipWHh6Sf1VI_SYWMgutrd4EKpKrmxOoei37-DQff0I4s5X0etS3WZlBIFrqzT-XOS60uLqaTvgwnjZWnT5UVbyqh5z-FaGTYKvZ-A8Y47E_ga9Gm4vquWthLEVrsJOsf9gh9zA7i2NwWZkIRQjk5XfohPGiffXUK7oCdkXQO3v5eswwkb3AktR1Q9AmB59AGfUU_Oo15GGE4DWMTJy7GvEumdQRzNpN9yKkXRHHrRrkgkG39Pcoxou-byk9hR1G2dPxAM6Aqb0IW9SX97HTe548zg5FjIZd1MtQn_Oz_xx_YejwQDQLWpUuXovvprzNXw2JIeu07IQ0DFlrWX5xpG23KGf_Ocvlcxz3zhaCQ6EsbJ30FQtfYoSRN--cefy0bVOoMJapfpefxaS2C6ccKS_ZXIs1OjVOUXA8pffO0vkQeJT2_3obGO6zApZInkRqBap5LZ-b0eV9NztJfpaBvem5729AigrgAbqyjwc9nIqkLzLAwfTX1JDMis3vuxMWnC_aYBoZGMTQDu_2FMtBG9pNrO-VA-EazPPqKuoo1cL4RPsa7f4V2JkJ0TFCINaWaTZyRb_s-njFhR-1JZCtQxkqaijCZKlt54ZBa2jblvaBrHXJZV_pVQHMUldr_5Bu2ZCo2KgsuthjuOKIYkbPXQ8b033N0XT7VXkFTCW5FcO40lf5rWaN-o1miOdqzBSl2HZu-r-zqjdVq6iuQLmo4OqLdszb1SsNQhp1z0BvJGpPupleEqD2NOp6KtW9A2Z8XYfX8cf0SDk_EcG18dbVlEqWg5aPo4flIXkGkMh1w1ZurRjs1Tw2N0CJZ2BzmZH_nSLJiuw=','-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6NBvwhRKSJpZ7r7TTXDs
fwZi9cliM8ec+wW5rot7kyaRLUNB8oX7JZ4WRUUGqBgxgpqapheYKsIGEUkUkIIX
bX4bm1joHi2LZh+td0wfflShAsWdqg65u9VdMHrgk0gw1YuvlYyA3XuxXlsusCUb
7ReUrWE5YFWLqNz1dQLfxd+VwnA95wQ8YUfo47qA13aHVb83PiZbFaQY040zSByK
hRv+iZ3SAIT8SP1vyPBKXFrh0y6KEZkWbSWEKGkgn/bB5Y9fwtmpc6u0LG5p2sGt
5S8FG6u1ZgXOzOPqS1LNvbmq0nez1x7noZG6dCq6ByJS9eIKgQZ1dZX7djAlMUtj
dwIDAQAB
-----END PUBLIC KEY-----
',1795447701722,NULL);
CREATE TABLE "session" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "cookie_hash" VARCHAR(64) NOT NULL UNIQUE,
    "authenticated_at_ms" BIGINT,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "sign_in_failure" (
    "key" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "failures" INT NOT NULL,
    "last_failed_at_ms" BIGINT NOT NULL
);
CREATE TABLE "site_setting" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "value" TEXT NOT NULL
);
INSERT INTO "site_setting" VALUES('initialized','ada');
CREATE TABLE "star" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_star_account_2e3f35" UNIQUE ("account_id", "repository_id")
);
CREATE TABLE "tag" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "is_reversion" INT NOT NULL,
    "is_immutable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "is_expiration" INT NOT NULL DEFAULT 0);
INSERT INTO "tag" VALUES(1,'latest',1795447701859,1795447701866,0,0,1,1,0);
INSERT INTO "tag" VALUES(2,'latest',1795447701866,1795447701869,0,0,2,1,0);
INSERT INTO "tag" VALUES(3,'latest',1795447701869,NULL,0,0,3,1,0);
INSERT INTO "tag" VALUES(4,'v1',1795447701872,NULL,0,1,3,1,0);
INSERT INTO "tag" VALUES(5,'v2',1795447701876,1795534101877,0,0,3,1,1);
INSERT INTO "tag" VALUES(6,'1.0',1795447701885,NULL,0,0,4,2,0);
CREATE TABLE "tag_pulls" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL,
    CONSTRAINT "uid_tag_pulls_reposit_a5291c" UNIQUE ("repository_id", "name")
);
CREATE TABLE "team" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "description" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_organiz_e46d03" UNIQUE ("organization_id", "name")
);
INSERT INTO "team" VALUES(1,'owners','admin','',1795447701801,3);
INSERT INTO "team" VALUES(2,'readers','member','',1795447701810,3);
CREATE TABLE "team_invite" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "email" VARCHAR(254),
    "code_hash" VARCHAR(64) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "inviter_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "team_id" BIGINT NOT NULL REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_invite_team_id_71f099" UNIQUE ("team_id", "account_id"),
    CONSTRAINT "uid_team_invite_team_id_34bf6c" UNIQUE ("team_id", "email")
);
CREATE TABLE "team_member" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "team_id" BIGINT NOT NULL REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_member_team_id_28790f" UNIQUE ("team_id", "account_id")
);
INSERT INTO "team_member" VALUES(1,1,1);
INSERT INTO "team_member" VALUES(2,2,2);
CREATE TABLE "token_assignment" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "response_type" VARCHAR(16) NOT NULL,
    "redirect_uri" VARCHAR(2000) NOT NULL,
    "scopes" VARCHAR(255) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "application_id" BIGINT NOT NULL REFERENCES "application" ("id") ON DELETE CASCADE
);
CREATE TABLE "tortoise_migrations" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "app" VARCHAR(255) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "applied_at" TIMESTAMP NOT NULL,
    CONSTRAINT "uid_tortoise_mi_app_3803a5" UNIQUE ("app", "name")
);
INSERT INTO "tortoise_migrations" VALUES(1,'models','0001_initial','2026-11-23 15:28:20.078194+00:00');
INSERT INTO "tortoise_migrations" VALUES(2,'models','0002_partial_indexes','2026-11-23 15:28:20.110094+00:00');
INSERT INTO "tortoise_migrations" VALUES(3,'models','0003_identity','2026-11-23 15:28:20.562917+00:00');
INSERT INTO "tortoise_migrations" VALUES(4,'models','0004_sign_in_failure','2026-11-23 15:28:20.591020+00:00');
INSERT INTO "tortoise_migrations" VALUES(5,'models','0005_token_listing','2026-11-23 15:28:20.612864+00:00');
INSERT INTO "tortoise_migrations" VALUES(6,'models','0006_content_and_audit','2026-11-23 15:28:20.990996+00:00');
INSERT INTO "tortoise_migrations" VALUES(7,'models','0007_audit_daily','2026-11-23 15:28:21.322036+00:00');
INSERT INTO "tortoise_migrations" VALUES(8,'models','0008_tag_expiration','2026-11-23 15:28:21.374071+00:00');
INSERT INTO "tortoise_migrations" VALUES(9,'models','0009_search','2026-11-23 15:28:21.420422+00:00');
INSERT INTO "tortoise_migrations" VALUES(10,'models','0010_artifact_kind','2026-11-23 15:28:21.466207+00:00');
CREATE TABLE "upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "upload" VALUES(1,'11111111-1111-4111-8111-111111111111',1795447701891,1,1);
CREATE INDEX "idx_event_namespa_4d3475" ON "event" ("namespace_id", "id");
CREATE INDEX "idx_event_reposit_f21462" ON "event" ("repository_id", "id");
CREATE INDEX "idx_event_transac_0eee72" ON "event" ("transaction_id", "id");
CREATE INDEX "idx_job_state_a6fd24" ON "job" ("state", "run_at_ms");
CREATE INDEX "idx_manifest_reposit_df69f2" ON "manifest" ("repository_id", "subject_digest");
CREATE INDEX "idx_manifest_bl_digest_718f0d" ON "manifest_blob" ("digest");
CREATE INDEX "idx_manifest_ch_digest_6d96eb" ON "manifest_child" ("digest");
CREATE INDEX "idx_repository__blob_id_c72085" ON "repository_blob" ("blob_id");
CREATE INDEX "idx_tag_manifes_0b2793" ON "tag" ("manifest_id");
CREATE INDEX "idx_tag_reposit_dbd82d" ON "tag" ("repository_id", "name", "started_at_ms");
CREATE INDEX "idx_tag_reposit_012f42" ON "tag" ("repository_id", "started_at_ms", "name");
CREATE INDEX "idx_repository__account_12ba5d" ON "repository_permission" ("account_id");
CREATE INDEX "idx_repository__team_id_27ee45" ON "repository_permission" ("team_id");
CREATE INDEX "idx_team_member_account_403b06" ON "team_member" ("account_id");
CREATE UNIQUE INDEX "uid_tag_open" ON "tag" ("repository_id", "name") WHERE "ended_at_ms" IS NULL;
CREATE UNIQUE INDEX "uid_account_user_email" ON "account" ("email") WHERE "kind" = 'user';
CREATE INDEX "idx_event_recent" ON "event" ("created_at_ms");
CREATE INDEX "idx_repository_listing" ON "repository" ("visibility", "id");
CREATE INDEX "idx_team_member_listing" ON "team_member" ("account_id", "team_id");
CREATE INDEX "idx_tag_ended" ON "tag" ("repository_id", "ended_at_ms");
CREATE INDEX "idx_upload_age" ON "upload" ("created_at_ms");
CREATE INDEX "idx_application_organiz_41b688" ON "application" ("organization_id");
CREATE INDEX "idx_authorizati_expires_08e0f3" ON "authorization_code" ("expires_at_ms");
CREATE INDEX "idx_email_code_expires_d54a62" ON "email_code" ("expires_at_ms");
CREATE INDEX "idx_mail_sent_at_d6ff96" ON "mail" ("sent_at_ms", "id");
CREATE INDEX "idx_permission__organiz_713acd" ON "permission_prototype" ("organization_id", "id");
CREATE INDEX "idx_session_expires_581b7a" ON "session" ("expires_at_ms");
CREATE INDEX "idx_session_account_2a0f19" ON "session" ("account_id");
CREATE INDEX "idx_team_invite_account_8d46f2" ON "team_invite" ("account_id");
CREATE INDEX "idx_token_assig_account_ee5c78" ON "token_assignment" ("account_id");
CREATE INDEX "idx_sign_in_fai_last_fa_77b25b" ON "sign_in_failure" ("last_failed_at_ms");
CREATE INDEX "idx_access_token_listing" ON "access_token" ("account_id", "id");
CREATE INDEX "idx_app_token_listing" ON "app_token" ("account_id", "id");
CREATE INDEX "idx_audit_log_namespa_9493cd" ON "audit_log" ("namespace_id", "created_at_ms", "id");
CREATE INDEX "idx_audit_log_reposit_bd10e5" ON "audit_log" ("repository_id", "created_at_ms", "id");
CREATE INDEX "idx_audit_log_perform_180380" ON "audit_log" ("performer_id", "created_at_ms", "id");
CREATE INDEX "idx_audit_log_created_81e792" ON "audit_log" ("created_at_ms", "id");
CREATE INDEX "idx_daily_activ_namespa_c3f332" ON "daily_activity" ("namespace_id", "day");
CREATE INDEX "idx_immutabilit_namespa_d58ec5" ON "immutability_policy" ("namespace_id");
CREATE INDEX "idx_immutabilit_reposit_4a33e2" ON "immutability_policy" ("repository_id");
CREATE INDEX "idx_label_manifes_9004c6" ON "label" ("manifest_id");
CREATE INDEX "idx_plan_expires_8cbf77" ON "plan" ("expires_at_ms");
CREATE INDEX "idx_star_reposit_428172" ON "star" ("repository_id");
CREATE INDEX "idx_audit_daily_reposit_9114fc" ON "audit_daily" ("repository_id", "day");
CREATE INDEX "idx_repository_name" ON "repository" ("name");
CREATE TRIGGER repository_search_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL BEGIN INSERT INTO repository_search (rowid, name, description) VALUES (NEW.id, NEW.name, substr(NEW.description, 1, 2000)); END;
CREATE TRIGGER repository_search_update AFTER UPDATE OF name, description, deleted_at_ms ON repository BEGIN DELETE FROM repository_search WHERE rowid = OLD.id; INSERT INTO repository_search (rowid, name, description) SELECT NEW.id, NEW.name, substr(NEW.description, 1, 2000) WHERE NEW.deleted_at_ms IS NULL; END;
CREATE TRIGGER repository_search_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search WHERE rowid = OLD.id; END;
CREATE TRIGGER account_search_insert AFTER INSERT ON account WHEN NEW.kind <> 'robot' AND NEW.deleted_at_ms IS NULL BEGIN INSERT INTO account_search (rowid, name) VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER account_search_update AFTER UPDATE OF name, deleted_at_ms ON account WHEN NEW.kind <> 'robot' BEGIN DELETE FROM account_search WHERE rowid = OLD.id; INSERT INTO account_search (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL; END;
CREATE TRIGGER account_search_delete AFTER DELETE ON account WHEN OLD.kind <> 'robot' BEGIN DELETE FROM account_search WHERE rowid = OLD.id; END;
CREATE INDEX "idx_robot_owner" ON "robot" ("owner_id");
PRAGMA writable_schema=OFF;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tortoise_migrations',10);
INSERT INTO "sqlite_sequence" VALUES('account',4);
INSERT INTO "sqlite_sequence" VALUES('audit_log',26);
INSERT INTO "sqlite_sequence" VALUES('event',26);
INSERT INTO "sqlite_sequence" VALUES('service_key',1);
INSERT INTO "sqlite_sequence" VALUES('team',2);
INSERT INTO "sqlite_sequence" VALUES('team_member',2);
INSERT INTO "sqlite_sequence" VALUES('robot',1);
INSERT INTO "sqlite_sequence" VALUES('access_token',1);
INSERT INTO "sqlite_sequence" VALUES('app_token',1);
INSERT INTO "sqlite_sequence" VALUES('repository',3);
INSERT INTO "sqlite_sequence" VALUES('repository_permission',4);
INSERT INTO "sqlite_sequence" VALUES('blob',6);
INSERT INTO "sqlite_sequence" VALUES('repository_blob',6);
INSERT INTO "sqlite_sequence" VALUES('manifest',4);
INSERT INTO "sqlite_sequence" VALUES('manifest_blob',6);
INSERT INTO "sqlite_sequence" VALUES('tag',6);
INSERT INTO "sqlite_sequence" VALUES('daily_activity',5);
INSERT INTO "sqlite_sequence" VALUES('manifest_child',2);
INSERT INTO "sqlite_sequence" VALUES('job',2);
INSERT INTO "sqlite_sequence" VALUES('upload',1);
COMMIT;

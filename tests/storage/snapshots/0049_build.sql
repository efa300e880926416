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
INSERT INTO "access_token" VALUES(1,'45e530e4-2a52-4875-a151-d1adced75387','bJAZIlx445zjvsvXY9pB','74b2c5f4e21b885a559475a8ee6020b53f6658a7057a0829158c7860f9cae438','test','org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read',1796022166440,2111598166440,NULL,2,NULL);
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
, "email_key" VARCHAR(508));
INSERT INTO "account" VALUES(1,'0cc6f011-ba42-4c25-bd66-746a204d5b07','user','ada','ada@localhost.localdomain','$argon2id$v=19$m=19456,t=2,p=1$qS83+nmEzr2XVX87Nab6+Q$oT3a2HB3B9eROu72SCYicWtJhYC+le3AfwarddNGT0M',1,1,1,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022166062,NULL,NULL,'ada@localhost.localdomain');
INSERT INTO "account" VALUES(2,'a8950814-68a3-487d-88b3-4a7e212154a5','user','bob','bob@example.com',NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022166424,NULL,NULL,'bob@example.com');
INSERT INTO "account" VALUES(3,'5d4a8bf2-ae80-4fb1-816c-df22c4820d3d','organization','acme',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022166428,NULL,NULL,NULL);
INSERT INTO "account" VALUES(4,'838cf073-4592-4af2-9264-39a610236b80','robot','acme+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022166437,NULL,NULL,NULL);
INSERT INTO "account" VALUES(5,'9d3e0cc6-f87f-4f16-a414-9405bfdd8621','organization','mirrors',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022166802,NULL,NULL,NULL);
INSERT INTO "account" VALUES(6,'6b42165a-5166-450a-aec8-66868bf353fd','organization','followers',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022166961,NULL,NULL,NULL);
INSERT INTO "account" VALUES(7,'64fd5047-b2ef-4711-b579-35ed804343e8','robot','followers+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796022167005,NULL,NULL,NULL);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','account_search','account_search',0,'CREATE VIRTUAL TABLE account_search USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'account_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "account_search_config" VALUES('version',4);
CREATE TABLE 'account_search_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "account_search_content" VALUES(1,'ada');
INSERT INTO "account_search_content" VALUES(2,'bob');
INSERT INTO "account_search_content" VALUES(3,'acme');
INSERT INTO "account_search_content" VALUES(5,'mirrors');
INSERT INTO "account_search_content" VALUES(6,'followers');
CREATE TABLE 'account_search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "account_search_data" VALUES(1,X'0510');
INSERT INTO "account_search_data" VALUES(10,X'000000000105050005010101020101030101040101050101');
INSERT INTO "account_search_data" VALUES(137438953473,X'0000000C043061646101020204');
INSERT INTO "account_search_data" VALUES(274877906945,X'0000000C0430626F6202020204');
INSERT INTO "account_search_data" VALUES(412316860417,X'00000014043061636D0302020103636D650302030408');
INSERT INTO "account_search_data" VALUES(549755813889,X'0000002B043069727205020301036D697205020201036F72730502060103726F720502050202726F0502040408080808');
INSERT INTO "account_search_data" VALUES(687194767361,X'0000003A04306572730602080103666F6C06020201036C6C6F06020402026F7706020501036F6C6C06020302027765060206010377657206020704080808070807');
CREATE TABLE 'account_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "account_search_docsize" VALUES(1,X'01');
INSERT INTO "account_search_docsize" VALUES(2,X'01');
INSERT INTO "account_search_docsize" VALUES(3,X'02');
INSERT INTO "account_search_docsize" VALUES(5,X'05');
INSERT INTO "account_search_docsize" VALUES(6,X'07');
CREATE TABLE 'account_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "account_search_idx" VALUES(1,X'',2);
INSERT INTO "account_search_idx" VALUES(2,X'',2);
INSERT INTO "account_search_idx" VALUES(3,X'',2);
INSERT INTO "account_search_idx" VALUES(4,X'',2);
INSERT INTO "account_search_idx" VALUES(5,X'',2);
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
INSERT INTO "app_token" VALUES(1,'376f4da4-9b77-427c-be7a-94eeb1394cda','laptop','GNSMBQ1R1T5J1TTSZ8YR4FLVXND5MZAQYBO63S0AEY2GXFHCCXMBX4DTINTY','gAAAAABrDR-WPJEXfhxlpgcLdS58kJA1si2_Sgkg4MUT3kzILCKIo99iMKIW9Diq6cCddGmeF6bBmVUS4PAcVg1Mn_coZ0Z8PoT0r3-2oeJ5JGQaTEftDmHECzylLVzN1s6aBUjff20bWPB7tEBOEVApK7n-6hParg==',1796022166444,NULL,NULL,2);
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
INSERT INTO "audit_log" VALUES(1,'user_create',1,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1796022166065);
INSERT INTO "audit_log" VALUES(2,'account_initialized',1,NULL,NULL,NULL,'{"username":"ada"}',1796022166067);
INSERT INTO "audit_log" VALUES(3,'user_create',2,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1796022166424);
INSERT INTO "audit_log" VALUES(4,'org_create',3,NULL,1,NULL,'{"email":null,"namespace":"acme"}',1796022166431);
INSERT INTO "audit_log" VALUES(5,'create_robot',3,NULL,1,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796022166438);
INSERT INTO "audit_log" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,'{"token":"45e530e4-2a52-4875-a151-d1adced75387","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1796022166442);
INSERT INTO "audit_log" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"376f4da4-9b77-427c-be7a-94eeb1394cda"}',1796022166446);
INSERT INTO "audit_log" VALUES(8,'create_repo',3,1,1,NULL,'{"repo":"app","namespace":"acme"}',1796022166454);
INSERT INTO "audit_log" VALUES(9,'create_repo',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme"}',1796022166458);
INSERT INTO "audit_log" VALUES(10,'change_repo_permission',3,1,1,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1796022166461);
INSERT INTO "audit_log" VALUES(11,'change_repo_permission',3,1,1,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1796022166464);
INSERT INTO "audit_log" VALUES(12,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1796022166480);
INSERT INTO "audit_log" VALUES(13,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1796022166516);
INSERT INTO "audit_log" VALUES(14,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1796022166525);
INSERT INTO "audit_log" VALUES(15,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1796022166536);
INSERT INTO "audit_log" VALUES(16,'change_tag_immutability',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1796022166550);
INSERT INTO "audit_log" VALUES(17,'create_tag',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1796022166556);
INSERT INTO "audit_log" VALUES(18,'change_tag_expiration',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1796108566,"old_expiration_date":null}',1796022166566);
INSERT INTO "audit_log" VALUES(19,'push_repo',3,2,3,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1796022166613);
INSERT INTO "audit_log" VALUES(20,'create_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1796022166623);
INSERT INTO "audit_log" VALUES(21,'delete_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1796022166634);
INSERT INTO "audit_log" VALUES(22,'create_repository_autoprune_policy',3,1,1,NULL,'{"method":"number_of_tags","value":10,"tag_pattern":null,"tag_pattern_matches":true,"namespace":"acme","repo":"app"}',1796022166645);
INSERT INTO "audit_log" VALUES(23,'change_repo_permission',3,2,1,NULL,'{"username":"acme+bot","repo":"tools/base","namespace":"acme","role":"write"}',1796022166699);
INSERT INTO "audit_log" VALUES(24,'change_repo_state',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme","state_changed":"MIRROR"}',1796022166707);
INSERT INTO "audit_log" VALUES(25,'repo_mirror_config_changed',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"changed":"external_reference","to":"9.9.9.9/tools/base","username":"ada"}',1796022166708);
INSERT INTO "audit_log" VALUES(26,'org_create_quota',3,NULL,NULL,NULL,'{"namespace":"acme","limit_bytes":1000000000000,"limit":"931.3 GiB"}',1796022166798);
INSERT INTO "audit_log" VALUES(27,'org_create_quota_limit',3,NULL,NULL,NULL,'{"namespace":"acme","type":"Warning","threshold_percent":80}',1796022166798);
INSERT INTO "audit_log" VALUES(28,'org_create',5,NULL,1,NULL,'{"email":null,"namespace":"mirrors"}',1796022166804);
INSERT INTO "audit_log" VALUES(29,'create_proxy_cache_config',5,NULL,1,NULL,'{"upstream_registry":"localhost:1"}',1796022166854);
INSERT INTO "audit_log" VALUES(30,'add_repo_notification',3,1,1,NULL,'{"namespace":"acme","repo":"app","notification_id":"27b65f84-1080-472d-8107-2e3e2e62075a","event":"repo_push","method":"flowdock"}',1796022166956);
INSERT INTO "audit_log" VALUES(31,'org_create',6,NULL,1,NULL,'{"email":null,"namespace":"followers"}',1796022166964);
INSERT INTO "audit_log" VALUES(32,'create_robot',6,NULL,1,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796022167025);
INSERT INTO "audit_log" VALUES(33,'org_mirror_config_changed',6,NULL,1,NULL,'{"namespace":"followers","user-agent":null,"changed":"external_registry_url","to":"https://9.9.9.9","username":"ada"}',1796022167096);
INSERT INTO "audit_log" VALUES(34,'build_dockerfile',3,1,1,NULL,'{"build_id":"7271e29b-6432-4745-9bc1-6df16d448640","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796022167135);
INSERT INTO "audit_log" VALUES(35,'build_dockerfile',3,1,1,NULL,'{"build_id":"0d347553-bfa7-4d2e-b32c-53e04438ba72","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796022167147);
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
CREATE TABLE "authorized_email" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "email_key" VARCHAR(254) NOT NULL,
    "code_hash" VARCHAR(64)  UNIQUE,
    "asked_at_ms" BIGINT NOT NULL,
    "confirmed_at_ms" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_authorized__reposit_810fd6" UNIQUE ("repository_id", "email_key")
);
INSERT INTO "authorized_email" VALUES(1,'crew@example.com','crew@example.com','73b9e59a8030e1e05cf13e1bfe8a827f0bfbb1f2d6bc64eb7583b3fda8d43c1c',1796022166758,NULL,3,1);
CREATE TABLE "blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL UNIQUE,
    "size_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL
, "committed_at_ms" BIGINT, "state" VARCHAR(16) NOT NULL DEFAULT 'stored', "deleting_until_ms" BIGINT);
INSERT INTO "blob" VALUES(1,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',40,1796022166465,1796022166465,'stored',NULL);
INSERT INTO "blob" VALUES(3,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',5,1796022166468,1796022166468,'stored',NULL);
INSERT INTO "blob" VALUES(5,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',57,1796022166481,1796022166481,'stored',NULL);
INSERT INTO "blob" VALUES(8,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',78,1796022166573,1796022166573,'stored',NULL);
INSERT INTO "blob" VALUES(10,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',4,1796022166584,1796022166584,'stored',NULL);
CREATE TABLE "build" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "job_id" BIGINT,
    "phase" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "started_at_ms" BIGINT,
    "ended_at_ms" BIGINT,
    "display_name" VARCHAR(64) NOT NULL,
    "archive_url" TEXT,
    "context_file_id" BIGINT,
    "dockerfile_path" VARCHAR(512) NOT NULL,
    "context_path" VARCHAR(512) NOT NULL,
    "tags" JSON NOT NULL,
    "arguments_encrypted" TEXT,
    "waits_because" VARCHAR(500),
    "error" TEXT,
    "counts" JSON NOT NULL,
    "digest" VARCHAR(140),
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL
);
INSERT INTO "build" VALUES(1,'7271e29b-6432-4745-9bc1-6df16d448640',5,'waiting',1796022167133,NULL,NULL,'5c758e4','https://9.9.9.9/context.tgz',NULL,'/Dockerfile','/','["latest"]','gAAAAABrDR-XaR8p_vQhZrVrKthM0u6tbmk5J_0d-8hcbZcLQJodaXVqlz8jR-DHCzi_AfMWXiKvxolP8dhTLqR0Vb-9PwsKxuJnyKIU47QDAi5SuNrvlik=',NULL,NULL,'{}',NULL,1,1,NULL);
INSERT INTO "build" VALUES(2,'0d347553-bfa7-4d2e-b32c-53e04438ba72',6,'waiting',1796022167146,NULL,NULL,'5c758e4','https://9.9.9.9/context.tgz',NULL,'/Dockerfile','/','["latest"]','gAAAAABrDR-XrX3uDimOCnXHUBLqD0oVycWe6Rxpc_SX5FrEnWXC-tT8ErvxeKATy-coy3422BkK2ur58RJWJHnMIIgrzUrdK3N0uHxrSkwmyB5TwJnpcrk=',NULL,NULL,'{}',NULL,1,1,NULL);
CREATE TABLE "build_log_archive" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "line_count" INT NOT NULL,
    "content" BLOB NOT NULL,
    "build_id" BIGINT NOT NULL UNIQUE REFERENCES "build" ("id") ON DELETE CASCADE
);
INSERT INTO "build_log_archive" VALUES(1,1,X'1F8B08000000000002038B8ECE2BCDC9D1510A0E710D5030D437B452700BF2F755284E2E4A2C49CE50D23134B734333032323433373435888D0500B3A3706A2F000000',2);
CREATE TABLE "build_log_line" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "number" INT NOT NULL,
    "kind" VARCHAR(8),
    "text" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "build_id" BIGINT NOT NULL REFERENCES "build" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_build_log_l_build_i_9d7bc8" UNIQUE ("build_id", "number")
);
INSERT INTO "build_log_line" VALUES(1,0,NULL,'STEP 1/1: FROM scratch',1796022167141,1);
CREATE TABLE "context_file" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "digest" VARCHAR(140),
    "size_bytes" BIGINT NOT NULL DEFAULT 0,
    "is_taken" INT NOT NULL DEFAULT 0,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "context_file" VALUES(1,'d9a8ae51-4d13-4830-aa0a-1545452ff4f5',1796022167113,NULL,0,0,1);
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
INSERT INTO "daily_activity" VALUES(1,1,3,20787,'user',0,0,4);
INSERT INTO "daily_activity" VALUES(5,2,3,20787,'user',0,0,1);
CREATE TABLE "discovered_repository" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "discovered_at_ms" BIGINT NOT NULL,
    "seen_at_ms" BIGINT NOT NULL,
    "problem" TEXT,
    "organization_mirror_id" BIGINT NOT NULL REFERENCES "organization_mirror" ("id") ON DELETE CASCADE,
    "mirror_id" BIGINT  UNIQUE REFERENCES "repository_mirror" ("id") ON DELETE SET NULL,
    CONSTRAINT "uid_discovered__organiz_8e57d4" UNIQUE ("organization_mirror_id", "name")
);
INSERT INTO "discovered_repository" VALUES(1,'app',1,1,NULL,1,NULL);
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
INSERT INTO "event" VALUES(1,'user_create',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1796022166066,NULL);
INSERT INTO "event" VALUES(2,'account_initialized',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"username":"ada"}',1796022166067,NULL);
INSERT INTO "event" VALUES(3,'user_create',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1796022166425,NULL);
INSERT INTO "event" VALUES(4,'org_create',3,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"acme"}',1796022166432,NULL);
INSERT INTO "event" VALUES(5,'create_robot',3,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796022166439,NULL);
INSERT INTO "event" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"token":"45e530e4-2a52-4875-a151-d1adced75387","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1796022166442,NULL);
INSERT INTO "event" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,NULL,NULL,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"376f4da4-9b77-427c-be7a-94eeb1394cda"}',1796022166446,NULL);
INSERT INTO "event" VALUES(8,'create_repo',3,1,1,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme"}',1796022166454,NULL);
INSERT INTO "event" VALUES(9,'create_repo',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme"}',1796022166458,NULL);
INSERT INTO "event" VALUES(10,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1796022166462,NULL);
INSERT INTO "event" VALUES(11,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1796022166464,NULL);
INSERT INTO "event" VALUES(12,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","namespace":"acme","original_manifest_digest":null}',1796022166480,NULL);
INSERT INTO "event" VALUES(13,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1796022166480,NULL);
INSERT INTO "event" VALUES(14,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","namespace":"acme","original_manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a"}',1796022166516,NULL);
INSERT INTO "event" VALUES(15,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1796022166517,NULL);
INSERT INTO "event" VALUES(16,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1"}',1796022166524,NULL);
INSERT INTO "event" VALUES(17,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1796022166525,NULL);
INSERT INTO "event" VALUES(18,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"v1","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1796022166535,NULL);
INSERT INTO "event" VALUES(19,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1796022166536,NULL);
INSERT INTO "event" VALUES(20,'change_tag_immutability',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1796022166550,NULL);
INSERT INTO "event" VALUES(21,'create_tag',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1796022166556,NULL);
INSERT INTO "event" VALUES(22,'change_tag_expiration',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1796108566,"old_expiration_date":null}',1796022166566,NULL);
INSERT INTO "event" VALUES(23,'create_tag',3,2,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"tools/base","tag":"1.0","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","namespace":"acme","original_manifest_digest":null}',1796022166610,NULL);
INSERT INTO "event" VALUES(24,'push_repo',3,2,3,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1796022166614,NULL);
INSERT INTO "event" VALUES(25,'create_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1796022166623,NULL);
INSERT INTO "event" VALUES(26,'delete_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1796022166636,NULL);
INSERT INTO "event" VALUES(27,'create_repository_autoprune_policy',3,1,1,NULL,NULL,NULL,NULL,'{"method":"number_of_tags","value":10,"tag_pattern":null,"tag_pattern_matches":true,"namespace":"acme","repo":"app"}',1796022166646,NULL);
INSERT INTO "event" VALUES(28,'change_repo_permission',3,2,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"tools/base","namespace":"acme","role":"write"}',1796022166701,NULL);
INSERT INTO "event" VALUES(29,'change_repo_state',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","state_changed":"MIRROR"}',1796022166707,NULL);
INSERT INTO "event" VALUES(30,'repo_mirror_config_changed',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"changed":"external_reference","to":"9.9.9.9/tools/base","username":"ada"}',1796022166708,NULL);
INSERT INTO "event" VALUES(31,'org_create_quota',3,NULL,NULL,NULL,NULL,NULL,NULL,'{"namespace":"acme","limit_bytes":1000000000000,"limit":"931.3 GiB"}',1796022166800,NULL);
INSERT INTO "event" VALUES(32,'org_create_quota_limit',3,NULL,NULL,NULL,NULL,NULL,NULL,'{"namespace":"acme","type":"Warning","threshold_percent":80}',1796022166800,NULL);
INSERT INTO "event" VALUES(33,'org_create',5,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"mirrors"}',1796022166805,NULL);
INSERT INTO "event" VALUES(34,'create_proxy_cache_config',5,NULL,1,NULL,NULL,NULL,NULL,'{"upstream_registry":"localhost:1"}',1796022166858,NULL);
INSERT INTO "event" VALUES(35,'add_repo_notification',3,1,1,NULL,NULL,NULL,NULL,'{"namespace":"acme","repo":"app","notification_id":"27b65f84-1080-472d-8107-2e3e2e62075a","event":"repo_push","method":"flowdock"}',1796022166957,NULL);
INSERT INTO "event" VALUES(36,'org_create',6,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"followers"}',1796022166965,NULL);
INSERT INTO "event" VALUES(37,'create_robot',6,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796022167025,NULL);
INSERT INTO "event" VALUES(38,'org_mirror_config_changed',6,NULL,1,NULL,NULL,NULL,NULL,'{"namespace":"followers","user-agent":null,"changed":"external_registry_url","to":"https://9.9.9.9","username":"ada"}',1796022167098,NULL);
INSERT INTO "event" VALUES(39,'build_dockerfile',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"7271e29b-6432-4745-9bc1-6df16d448640","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796022167135,NULL);
INSERT INTO "event" VALUES(40,'build_queued',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"7271e29b-6432-4745-9bc1-6df16d448640","docker_tags":["latest"],"is_manual":true}',1796022167135,NULL);
INSERT INTO "event" VALUES(41,'build_dockerfile',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"0d347553-bfa7-4d2e-b32c-53e04438ba72","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796022167147,NULL);
INSERT INTO "event" VALUES(42,'build_queued',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"0d347553-bfa7-4d2e-b32c-53e04438ba72","docker_tags":["latest"],"is_manual":true}',1796022167148,NULL);
CREATE TABLE "expiry_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "notification_id" BIGINT NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "tag_id" BIGINT NOT NULL,
    CONSTRAINT "uid_expiry_noti_notific_540bea" UNIQUE ("notification_id", "expires_at_ms", "tag_id")
);
INSERT INTO "expiry_notice" VALUES(1,1,1,1);
CREATE TABLE "global_message" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "content" TEXT NOT NULL,
    "media_type" VARCHAR(64) NOT NULL,
    "severity" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
CREATE TABLE "held_manifest" (
    "cache_id" BIGINT NOT NULL,
    "used_at_ms" BIGINT NOT NULL,
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "held_manifest" VALUES(1,1,1);
CREATE TABLE "immutability_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "tag_pattern" VARCHAR(256) NOT NULL,
    "tag_pattern_matches" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
CREATE TABLE "inbox_dismissal" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "notice_id" BIGINT NOT NULL REFERENCES "inbox_notice" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_inbox_dismi_notice__85c5d0" UNIQUE ("notice_id", "account_id")
);
INSERT INTO "inbox_dismissal" VALUES(1,1,1);
CREATE TABLE "inbox_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "metadata" JSON NOT NULL,
    "source" VARCHAR(64)  UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "invite_id" BIGINT REFERENCES "team_invite" ("id") ON DELETE CASCADE,
    "team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE
, "repository_id" BIGINT);
INSERT INTO "inbox_notice" VALUES(1,'quota_warning','{"namespace":"ada"}',NULL,1796022166733,1,NULL,NULL,NULL);
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
, "namespace_id" BIGINT, "started_at_ms" BIGINT, "cancel_requested_at_ms" BIGINT, "progress_done" BIGINT, "progress_total" BIGINT, "result" TEXT);
INSERT INTO "job" VALUES(1,'repository.purge','{"repository_id":3}','waiting',1796022166633,0,NULL,NULL,NULL,1796022166633,NULL,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(2,'prune.run','{"namespace_id":3,"repository_id":1}','waiting',1796022176646,0,NULL,NULL,NULL,1796022166646,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(3,'mail.send','{"mail_id":1,"attempt":1}','waiting',1796022166763,0,NULL,NULL,NULL,1796022166763,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(4,'notification.deliver','{"notification_id":1}','waiting',1796022166959,0,NULL,NULL,NULL,1796022166959,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(5,'build.run','{"build_id":1}','waiting',1796022167134,0,NULL,NULL,NULL,1796022167134,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(6,'build.run','{"build_id":2}','waiting',1796022167147,0,NULL,NULL,NULL,1796022167147,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(7,'upload.expire','{}','waiting',1796022167151,0,NULL,NULL,NULL,1796022167151,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "lease" VALUES('job-runner','elsewhere:1:1',1796022167153);
CREATE TABLE "mail" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "recipient" VARCHAR(254) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "body" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "sent_at_ms" BIGINT,
    "error" TEXT
);
INSERT INTO "mail" VALUES(1,'crew@example.com','Notifications of the repository acme/app','ada asks whether this address may get notifications of the repository acme/app
on 127.0.0.1:8080.

To agree, open this page within three days:

http://127.0.0.1:8080/authrepoemail?code=aR2LyoRCElDY8X2oFcY8O7tHVjYWKVpeJmncaTpg

If you do nothing, no notifications are sent.
',1796022166762,NULL,NULL);
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
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE, "artifact_kind" VARCHAR(16), "deleted_digest" VARCHAR(140), "deleted_subject_digest" VARCHAR(140), "pushed_at_ms" BIGINT, "collected_at_ms" BIGINT,
    CONSTRAINT "uid_manifest_reposit_48a89c" UNIQUE ("repository_id", "digest")
);
INSERT INTO "manifest" VALUES(1,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1796022166473,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(2,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','arm64','v8',1796022166508,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088','application/vnd.oci.image.index.v1+json',NULL,393,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1796022166520,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(4,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,4,0,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1796022166606,2,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "manifest_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "is_distributable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE, "namespace_id" BIGINT,
    CONSTRAINT "uid_manifest_bl_manifes_1ad51e" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_blob" VALUES(1,0,'config','sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',40,1,1,3);
INSERT INTO "manifest_blob" VALUES(2,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,1,3);
INSERT INTO "manifest_blob" VALUES(3,0,'config','sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',57,1,2,3);
INSERT INTO "manifest_blob" VALUES(4,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,2,3);
INSERT INTO "manifest_blob" VALUES(5,0,'config','sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',78,1,4,3);
INSERT INTO "manifest_blob" VALUES(6,1,'layer','sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2','application/vnd.oci.image.layer.v1.tar+gzip',4,1,4,3);
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
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE, "namespace_id" BIGINT,
    CONSTRAINT "uid_manifest_ch_manifes_11c957" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_child" VALUES(1,0,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3,3);
INSERT INTO "manifest_child" VALUES(2,1,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3,3);
CREATE TABLE "manifest_pulls" (
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL
);
CREATE TABLE "mirror_run" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "job_id" BIGINT,
    "status" VARCHAR(16) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "tag_count" BIGINT,
    "done_count" BIGINT NOT NULL,
    "changed_count" BIGINT NOT NULL,
    "removed_count" BIGINT NOT NULL,
    "failed_count" BIGINT NOT NULL,
    "fetched_bytes" BIGINT NOT NULL,
    "message" TEXT,
    "failures" JSON NOT NULL,
    "mirror_id" BIGINT NOT NULL REFERENCES "repository_mirror" ("id") ON DELETE CASCADE
);
INSERT INTO "mirror_run" VALUES(1,NULL,'SUCCESS',1,2,NULL,0,0,0,0,0,NULL,'[]',1);
CREATE TABLE "namespace_content" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "is_manifest" INT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "holders" BIGINT NOT NULL,
    CONSTRAINT "uid_namespace_c_namespa_8cdcf0" UNIQUE ("namespace_id", "digest", "is_manifest")
);
INSERT INTO "namespace_content" VALUES(1,3,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',0,40,1);
INSERT INTO "namespace_content" VALUES(2,3,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',0,5,1);
INSERT INTO "namespace_content" VALUES(3,3,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a',1,398,1);
INSERT INTO "namespace_content" VALUES(4,3,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',0,57,1);
INSERT INTO "namespace_content" VALUES(5,3,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1',1,398,1);
INSERT INTO "namespace_content" VALUES(6,3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088',1,393,1);
INSERT INTO "namespace_content" VALUES(7,3,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',0,78,1);
INSERT INTO "namespace_content" VALUES(8,3,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',0,4,1);
INSERT INTO "namespace_content" VALUES(9,3,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959',1,398,1);
CREATE TABLE "namespace_size" (
    "namespace_id" BIGINT NOT NULL  PRIMARY KEY,
    "stored_bytes" BIGINT NOT NULL
);
INSERT INTO "namespace_size" VALUES(3,1771);
CREATE TABLE "notification" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "event" VARCHAR(32) NOT NULL,
    "method" VARCHAR(32) NOT NULL,
    "title" VARCHAR(255),
    "config" JSON NOT NULL,
    "event_config" JSON NOT NULL,
    "secret" TEXT,
    "number_of_failures" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "since_transaction_id" BIGINT NOT NULL,
    "since_event_id" BIGINT NOT NULL,
    "job_id" BIGINT,
    "resend_up_to_id" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "notification" VALUES(1,'27b65f84-1080-472d-8107-2e3e2e62075a','repo_push','flowdock',NULL,'{"flow_api_token":"token"}','{}',NULL,0,1796022166955,0,34,4,NULL,3,1);
CREATE TABLE "notification_delivery" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "notification_id" BIGINT NOT NULL,
    "event_id" VARCHAR(36) NOT NULL,
    "is_test" INT NOT NULL,
    "payload" JSON NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "attempts" INT NOT NULL,
    "http_status" INT,
    "response" TEXT,
    "error" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "next_attempt_at_ms" BIGINT,
    "last_attempt_at_ms" BIGINT,
    "ended_at_ms" BIGINT
);
INSERT INTO "notification_delivery" VALUES(1,1,'a1f5fc85-1dba-437e-a5ad-2c16a8056222',1,'{"repository":"acme/app","namespace":"acme","name":"app","docker_url":"127.0.0.1:8080/acme/app","homepage":"http://127.0.0.1:8080/repository/acme/app","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","tags":["latest","foo"],"updated_tags":["latest","foo"],"pruned_image_count":3,"media_type":"application/vnd.oci.image.manifest.v1+json","event":"repo_push","event_id":"a1f5fc85-1dba-437e-a5ad-2c16a8056222","occurred_at":"2026-11-30T07:02:46.959Z","actor":"ada"}','test',0,NULL,NULL,NULL,1796022166959,NULL,NULL,NULL);
CREATE TABLE "organization_mirror" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "catalog" VARCHAR(16) NOT NULL,
    "registry_url" VARCHAR(512) NOT NULL,
    "upstream_namespace" VARCHAR(255) NOT NULL,
    "source" VARCHAR(512) NOT NULL,
    "username_encrypted" TEXT,
    "password_encrypted" TEXT,
    "proxy_encrypted" TEXT,
    "verifies_tls" INT NOT NULL,
    "accepts_unsigned" INT NOT NULL,
    "repository_patterns" JSON NOT NULL,
    "visibility" VARCHAR(16) NOT NULL,
    "is_enabled" INT NOT NULL,
    "sync_starts_at_ms" BIGINT,
    "sync_interval_s" BIGINT NOT NULL,
    "tag_timeout_s" BIGINT NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "retries_remaining" INT NOT NULL,
    "job_id" BIGINT,
    "message" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "organization_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
, "extra_cas" TEXT);
INSERT INTO "organization_mirror" VALUES(1,'catalog','https://9.9.9.9','team','9.9.9.9/team','gAAAAABrDR-XlUo8fcfnm-o2vjahyRRMRPgqLTOb-eniNoBqkRDpGh2S7cAObLMuWtbxqu7YivpqHdswx17FypfGjmzAo2bF7w==','gAAAAABrDR-X8cOlEnSmmOlDI84x7h0KTtqHcUJWUKEFvchJNa7OpEKVtIgQvV0wmwxtv93-aA3Q4_URBMBpUD1E_Ij9MCEb8g==',NULL,1,0,'["*"]','private',1,1,60,300,'NEVER_RUN',3,NULL,NULL,1796022167065,7,6,NULL);
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
CREATE TABLE "proxy_cache" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "upstream_registry" VARCHAR(512) NOT NULL,
    "username_encrypted" TEXT,
    "password_encrypted" TEXT,
    "expiration_s" INT NOT NULL,
    "is_insecure" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "proxy_cache" VALUES(1,'localhost:1','gAAAAABrDR-W29stzn2v-2rxXE14_CXhdErqQoUEYK7BmkT5f3NiF1o8xC5SVFxmtZN2mdaurt5j3t98ZA6S3KLRM7t30IDjnw==','gAAAAABrDR-WR2oMADqh6FRLcj_p84NQ8wA-Gk8TbIYE9WhjKxS-0xPhfJ4y7EjgQs2ewaww5kn9kL704zRsIpbUNf-LApA6Zg==',86400,1,1796022166834,5);
CREATE TABLE "prune_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "method" VARCHAR(32) NOT NULL,
    "value" VARCHAR(64) NOT NULL,
    "tag_pattern" VARCHAR(256),
    "tag_pattern_matches" INT NOT NULL,
    "kept_if_pulled_within_days" INT,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "prune_policy" VALUES(1,'b57c7e79-0ebb-47d7-90ff-7513b47cbc6d','number_of_tags','10',NULL,1,NULL,1796022166644,3,1);
CREATE TABLE "prune_run" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "tag_count" BIGINT NOT NULL,
    "tags" JSON NOT NULL,
    "error" TEXT,
    "policy_id" BIGINT NOT NULL REFERENCES "prune_policy" ("id") ON DELETE CASCADE
);
INSERT INTO "prune_run" VALUES(1,1796022166647,1796022166648,0,'[]',NULL,1);
CREATE TABLE "quota" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "limit_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "quota" VALUES(1,1000000000000,1796022166794,3);
CREATE TABLE "quota_limit" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "percent" INT NOT NULL,
    "quota_id" BIGINT NOT NULL REFERENCES "quota" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_quota_limit_quota_i_4b508d" UNIQUE ("quota_id", "kind", "percent")
);
INSERT INTO "quota_limit" VALUES(1,'warning',80,1);
CREATE TABLE "quota_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "percent" INT NOT NULL,
    "noted_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_quota_notic_namespa_1397e5" UNIQUE ("namespace_id", "kind", "percent")
);
INSERT INTO "quota_notice" VALUES(1,'reject',100,1,3);
CREATE TABLE "rate_count" (
    "key" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "count" INT NOT NULL,
    "began_at_ms" BIGINT NOT NULL
);
INSERT INTO "rate_count" VALUES('255e66971e280cf3dd98e9616c20f6dfa0c3a86578e7c2ea853093c1c1cbd3ed',2,1796022166758);
INSERT INTO "rate_count" VALUES('8c6576a903731f3c17d021f02d100c7da87f5bd0b2221ac3a675b1af83a92695',1,1796022166758);
INSERT INTO "rate_count" VALUES('256e21d7cf42898464e9eceb1a0eafdde7ffba4c276e54745f2127a36f40dc96',1,1796022166774);
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
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT, "path" VARCHAR(511), "popularity_level" INT NOT NULL DEFAULT 0,
    CONSTRAINT "uid_repository_namespa_e3d1c2" UNIQUE ("namespace_id", "name")
);
INSERT INTO "repository" VALUES(1,'b18c3440-8e20-4075-bcbd-108defa36c9a','app','private','NORMAL',NULL,'0TMGSW5RGTPBULQ4WXMNGWAKUOMMLU02SBVX362Y',0,1796022166448,NULL,3,'acme/app',0);
INSERT INTO "repository" VALUES(2,'7092294c-49ab-4678-bc77-6faf002b8ff6','tools/base','public','MIRROR',NULL,'NC6N8567E44V3JZ5SIP3W358LCCPVCTMMTNI6W9K',0,1796022166457,NULL,3,'acme/tools/base',0);
INSERT INTO "repository" VALUES(3,'a4810819-2d52-44ec-90b8-2d48a2afa18b','a4810819-2d52-44ec-90b8-2d48a2afa18b','private','MARKED_FOR_DELETION',NULL,'NN3MVG0YW7JJY3JCL96PR79GUMPSLREGBXHLSOVB',1,1796022166623,1796022166630,1,'ada/a4810819-2d52-44ec-90b8-2d48a2afa18b',0);
CREATE TABLE "repository_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "blob_id" BIGINT NOT NULL REFERENCES "blob" ("id") ON DELETE RESTRICT,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_b80265" UNIQUE ("repository_id", "blob_id")
);
INSERT INTO "repository_blob" VALUES(1,1796022166467,1,1);
INSERT INTO "repository_blob" VALUES(2,1796022166484,3,1);
INSERT INTO "repository_blob" VALUES(3,1796022166483,5,1);
INSERT INTO "repository_blob" VALUES(5,1796022166579,8,2);
INSERT INTO "repository_blob" VALUES(6,1796022166585,10,2);
CREATE TABLE "repository_mirror" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "source" VARCHAR(512) NOT NULL,
    "username_encrypted" TEXT,
    "password_encrypted" TEXT,
    "proxy_encrypted" TEXT,
    "verifies_tls" INT NOT NULL,
    "accepts_unsigned" INT NOT NULL,
    "tag_patterns" JSON NOT NULL,
    "architectures" JSON NOT NULL,
    "is_enabled" INT NOT NULL,
    "follows_deletions" INT NOT NULL,
    "sync_starts_at_ms" BIGINT,
    "sync_interval_s" BIGINT NOT NULL,
    "tag_timeout_s" BIGINT NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "retries_remaining" INT NOT NULL,
    "claimed_until_ms" BIGINT,
    "created_at_ms" BIGINT NOT NULL,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "repository_id" BIGINT NOT NULL UNIQUE REFERENCES "repository" ("id") ON DELETE CASCADE
, "extra_cas" TEXT);
INSERT INTO "repository_mirror" VALUES(1,'9.9.9.9/tools/base','gAAAAABrDR-W5GNLTVOkxYG-Nm2Pg2ecvZYNch-yK8fyhtjm5-Ub6RLSuKPgp12oKs4ajzFy24FJeAmqJWJuknmQ6DiDIAz8jw==','gAAAAABrDR-WY1-SaRNY6a56xlNnJ-phtnSStI6FjDaaC6hqXwH7jVLmlRTlJ-RiezzSo6PGRhlhwiIsc53eXFfNfwAb5NHxAg==',NULL,1,0,'["1.*"]','[]',1,0,1796022166663,3600,300,'NEVER_RUN',3,NULL,1796022166682,4,2,NULL);
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
INSERT INTO "repository_permission" VALUES(5,'write',4,2,NULL);
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
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_private_description','repository_search_private_description',0,'CREATE VIRTUAL TABLE repository_search_private_description USING fts5(description, tokenize=''trigram'')');
CREATE TABLE 'repository_search_private_description_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_private_description_config" VALUES('version',4);
CREATE TABLE 'repository_search_private_description_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_private_description_content" VALUES(1,NULL);
CREATE TABLE 'repository_search_private_description_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_private_description_data" VALUES(1,X'0100');
INSERT INTO "repository_search_private_description_data" VALUES(10,X'00000000000000');
CREATE TABLE 'repository_search_private_description_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_private_description_docsize" VALUES(1,X'00');
CREATE TABLE 'repository_search_private_description_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_private_name','repository_search_private_name',0,'CREATE VIRTUAL TABLE repository_search_private_name USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'repository_search_private_name_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_private_name_config" VALUES('version',4);
CREATE TABLE 'repository_search_private_name_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_private_name_content" VALUES(1,'app');
CREATE TABLE 'repository_search_private_name_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_private_name_data" VALUES(1,X'0101');
INSERT INTO "repository_search_private_name_data" VALUES(10,X'000000000103030003010101020101030101');
INSERT INTO "repository_search_private_name_data" VALUES(137438953473,X'0000000C043061707001020204');
INSERT INTO "repository_search_private_name_data" VALUES(274877906945,X'000000140430676F6E03020201036F6E650302030408');
INSERT INTO "repository_search_private_name_data" VALUES(412316860417,X'000000120430676F6E030101036F6E6503010407');
CREATE TABLE 'repository_search_private_name_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_private_name_docsize" VALUES(1,X'01');
CREATE TABLE 'repository_search_private_name_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "repository_search_private_name_idx" VALUES(1,X'',2);
INSERT INTO "repository_search_private_name_idx" VALUES(2,X'',2);
INSERT INTO "repository_search_private_name_idx" VALUES(3,X'',2);
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_public_description','repository_search_public_description',0,'CREATE VIRTUAL TABLE repository_search_public_description USING fts5(description, tokenize=''trigram'')');
CREATE TABLE 'repository_search_public_description_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_public_description_config" VALUES('version',4);
CREATE TABLE 'repository_search_public_description_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_public_description_content" VALUES(2,NULL);
CREATE TABLE 'repository_search_public_description_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_public_description_data" VALUES(1,X'0100');
INSERT INTO "repository_search_public_description_data" VALUES(10,X'00000000000000');
CREATE TABLE 'repository_search_public_description_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_public_description_docsize" VALUES(2,X'00');
CREATE TABLE 'repository_search_public_description_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_public_name','repository_search_public_name',0,'CREATE VIRTUAL TABLE repository_search_public_name USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'repository_search_public_name_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_public_name_config" VALUES('version',4);
CREATE TABLE 'repository_search_public_name_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_public_name_content" VALUES(2,'tools/base');
CREATE TABLE 'repository_search_public_name_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_public_name_data" VALUES(1,X'0108');
INSERT INTO "repository_search_public_name_data" VALUES(10,X'000000000101010001010101');
INSERT INTO "repository_search_public_name_data" VALUES(137438953473,X'0000004304302F62610202070103617365020209010362617302020801036C732F02020501036F6C7302020402026F6C0202030103732F620202060103746F6F0202020408080808080708');
CREATE TABLE 'repository_search_public_name_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_public_name_docsize" VALUES(2,X'08');
CREATE TABLE 'repository_search_public_name_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "repository_search_public_name_idx" VALUES(1,X'',2);
CREATE TABLE "repository_size" (
    "repository_id" BIGINT NOT NULL  PRIMARY KEY,
    "namespace_id" BIGINT NOT NULL,
    "stored_bytes" BIGINT NOT NULL
);
INSERT INTO "repository_size" VALUES(1,3,1291);
INSERT INTO "repository_size" VALUES(2,3,480);
CREATE TABLE "robot" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "token_encrypted" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "unstructured_metadata" JSON NOT NULL,
    "owner_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    "account_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "robot" VALUES(1,'gAAAAABrDR-Wc7Gvc3xwPsSrfJ4oMkKOioY0SkR-rPp-59ILdCcpGodTUh-8XsXNgiWsG7vI1-TVi0xJarc4w6xOMbpfNMTg_kkgPhTnUblw4L9GxOYcetzo4pJ6HT_6t28h22r0qcPBBS16FmgBgbW6QQdFiULzLcXN0YCfCoOrVtcu5-sy_h8=','','{}',3,4);
INSERT INTO "robot" VALUES(2,'gAAAAABrDR-XhNTBc1h5SADtK6CRDIOY6REO8AZ2CRAat5J1oU_6MaLaJeqy5zQThJooUDkUi8z-h9EOxcXHBvDk_XP3YfYMqwWZoyYXOChgrkLXG13DP4u1fvNZEJoltFoEFnbThP5uEtYaMrQPhXhaBO38QCv8XuC7gPiLsUuQVEwW5T2QVNw=','','{}',6,7);
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
, "name" VARCHAR(255) NOT NULL DEFAULT '', "metadata" JSON, "approval_type" VARCHAR(16), "approver_id" BIGINT, "approved_at_ms" BIGINT, "approval_notes" TEXT, "rotation_duration_s" BIGINT, "successor_kid" VARCHAR(64), "last_accessed_at_ms" BIGINT);
INSERT INTO "service_key" VALUES(1,'3o6SAV_znkTnLCGJEYTZwAk8DbbvvDTgTiOQe3BseJw','quayside-registry','gAAAAABrDR-WpUWbU5TP69eICIyugImVKfbzYwaUbk0rltIGthyGe4mSEp6zMJfhVhZp4B15Fq5Zy_6UzdFMhLN-3oM0jmc8BkJCb7ZrWlYkPstnkWRCc8JfrAewXlHXtnZa5P4OrjPPiiKtvoGJ9AEZG0aRAizHReTQeT8BOi6kNw380ZgqzL1pW4iKKp_DjqGOvUkKY56uhsORgTJ0ETYhs9Hh_gmuggqAS4kKxD9XyfRCm2cdOinXiIAFWtoqSLWq-X1EJH93b6QeKKfHqaH8X3lXfTIyoNVLaV03ztJTBc1ITtqAuB9xLMHp1zfkJWVIGLktZT_NJ-1soN_Hw0kfqsc4YgR9KrSjxD7sILNHjpwOIvoXkRU_yNfrM-hopozVLcy829uofPY49lXvOl0UzxC4WjqlvHcH-KzxUR2ix8iAmldjMjP3vkeJy6aMbThmYD6nTD8LrKiGNRJqqETiWLD3bQnKR3GganTNEk6Z42hxTioD-pYmJCqQL9kWXq1Ai2tN7Q9R97zfj7C_jO02l9rhhPA0HNjPUYPhytkF69a39ITaCet_PfiQYDtsUu5SekF0EH-LsGL6nAE_a8aUG_nQWsfBWUx1HORtXXGXvka5tq9YmybL8mtMhQjQyGHdHY3qpLTWZFRB38kjc7RkN13rS7uw4ioVWUUvDkTdvsEajYkIZS34Eqh05hLiwso3BScnCVzDiOCAzoSX074wQ4mdIO3JVX200u0mJwjzQ2dj3Sv7ghpKF4gaic1vT3wOdhPbShxci7Gj0m1kseM9QxEuoJXx_Xt4UBUeWJCcMKBMqSlMWXLvOZqcbx7WzVH8r6pLri48g58mvJ7bWzYNQfMxBcZJavcwMPNpZJcXnKMHA8QsBkZZ2qYXziegRckKGlLACIirD3ZfGezg4ZnEC2xuNgFEG3EmTB77O2LzwT4MDric3ckzpy3es40QWWXL8oerSd9ENoJfDdjbYSucPvwjo-8EIV2oB_8XxtEBrG6E6uLp1dncJgKRfQRNw0uPn3DG161M7aPK_MWELN1xn2_6AEHdCnpyLt9Vjjj85eK794GzcNw1rHr6owKxIz7SGLTjPfqP7scmv7U18ATvEq_-8EUX-uHPbe3J4NisrKJ4G1YzAhT3A14N1-N804sxlb0qMqf5TSX39CyCuxWh5eQOIzutfFPs4mZrNA0p584xNy9HWbO3o9xk9qWV6GqNCXcB4yxOE0-ygFc_u00LggRWJFobNx-eCTrSeWpgytLHX0HEMC_gwK7VqRVshNQDE5wPHqLVZtsqK4FGG2YU1Ixlve0FEKzWBIEyjt58vWJvl4ZlENkEgG4DpxVkHP98Nnt-HqBW9ouvdtt2B5qevBsWGbUL1BzsQoA5uMUwBZ5OZ-rPjcdkywIZRabt2egb0wWRn3NDvkM0BXeWf17UjOT6t15eTUgpSn3U-kYdJAd_ZPd70Mw6dcDI1sh0UFR5ReVFn8HC67_MFbfvKjs6793Eo0QtQKQ2C2jGgIZ5pTVewycqourEQkMSCQ10wztMBsH-AoVUEJxzuhiQF4uY2JvRozqelF1Zta6t3RTp1YnZg_yBmESaayG8qufboOVi8rB13rLaU_hkARrrqcpU_39YiYlIFdk6l2CXKv_qreZwIFd446NYGBwbdmIGR_bUqt1iZkey4O3tY0XbewmYajRM3VOdvhF01wEnVO-K6mysuEMk6CYA0fXeh5SIcS7FmVwv-yGgyICxMvVEJq4yWLz1hdgmKaOuUFlyOtIkCclm4w10G580hYWJxfgBSUP0Zwk_8He_xB0BHq4JtdGoxDlcpxB9omfHcPNbY1twrinffNTzhYcJ9e5jMElnbfFVyIfUbajhqv5lvUdk-0nxIazxJymanhsOOU_sqtyvcPCTVmgxGCaNJTuVyDc0TzGpNt3G8eZPfjXuLuh7C-4mswh5cqED0lteT9muOAZvyks5PSKk6bNXyhdIuL-98xTBEGxbj-p5LIyFgXopLd2jeP4IWy89v9NOwGgKc4QIO_btsUr3YkkHznnxkI-GaF7olRbFNVzcj2zV6vBLghz9W2mRCafDd9UjOIQmrI28FiQ2ZBSOuJ3ercEekk-uBspc2PGCX0WE2QYHHeNySy7hw9sFaQsbEoEPsBBY4VPdUY1OiXFxTKTKWLlWH3VLI9jVU4WUzU4dBK87x-p_QoisOIGPs95Ui1OsxhPMZhNUJUGyLTIqzEIUX8rVICMrJZMX-AJmq3t7lA45R0FJhzKDtwQry9_8MpOcS325CGeFL9sge1AYhn_8jnM2Pz4uDdImGwM_KStV','-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuWaCtf6+LDptXEwJb4Ya
eyCG8x+TOj4I46agAbOu5B0NTpTEutfR9Vnph43ue9y5enfcXYjRFNO8djkpVIWw
96KwV4c1Yl/bjE5cg90R4lN2rPMVYMB13JeCvyAVvkGojmRiO8ey95sVEEnohACa
kBABYgQciVBjPYdGgSdA/k7al2UpH+xDpi5d05IPS9/p01/URGxOK6N6qVdOCMN5
p93vQ17f02/3KR7rVb7cJmPf2pZb/2zPOjj8usCNhFkZE9L7mS0cv0yXxfx5pChg
RRPZvKHSES7yMYf3s5kcTstselbkNAStNzkS3oJXX4BLdlBeK/rwbmomnGoZ1tf4
swIDAQAB
-----END PUBLIC KEY-----
',1796022166403,NULL,'Registry tokens','{"created_by":"first start"}','automatic',NULL,1796022166403,NULL,7776000,NULL,NULL);
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
, "succeeded_at_ms" BIGINT, "fingerprint" VARCHAR(64));
CREATE TABLE "site_setting" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "value" TEXT NOT NULL
);
INSERT INTO "site_setting" VALUES('initialized','ada');
INSERT INTO "site_setting" VALUES('service_key_lock','');
INSERT INTO "site_setting" VALUES('notifications_read_up_to','0:34');
CREATE TABLE "star" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_star_account_2e3f35" UNIQUE ("account_id", "repository_id")
);
CREATE TABLE "storage_sample" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "day" INT NOT NULL,
    "stored_bytes" BIGINT NOT NULL,
    CONSTRAINT "uid_storage_sam_namespa_e66ffd" UNIQUE ("namespace_id", "repository_id", "day")
);
INSERT INTO "storage_sample" VALUES(1,3,0,20000,1);
CREATE TABLE "stray_upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "found_at_ms" BIGINT NOT NULL
);
INSERT INTO "stray_upload" VALUES(1,'22222222-2222-4222-8222-222222222222',1796022166777);
CREATE TABLE "tag" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "is_reversion" INT NOT NULL,
    "is_immutable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "is_expiration" INT NOT NULL DEFAULT 0, "would_expire_at_ms" BIGINT, "has_ended" INT NOT NULL DEFAULT 0, "pusher_id" BIGINT, "life" INT NOT NULL DEFAULT 0, "confirmed_at_ms" BIGINT);
INSERT INTO "tag" VALUES(1,'latest',1796022166477,1796022166512,0,0,1,1,0,NULL,1,3,0,NULL);
INSERT INTO "tag" VALUES(2,'latest',1796022166512,1796022166523,0,0,2,1,0,NULL,1,3,0,NULL);
INSERT INTO "tag" VALUES(3,'latest',1796022166523,NULL,0,0,3,1,0,NULL,0,3,0,NULL);
INSERT INTO "tag" VALUES(4,'v1',1796022166531,NULL,0,1,3,1,0,NULL,0,3,0,NULL);
INSERT INTO "tag" VALUES(5,'v2',1796022166554,1796108566558,0,0,3,1,1,NULL,0,1,0,NULL);
INSERT INTO "tag" VALUES(6,'1.0',1796022166609,NULL,0,0,4,2,0,NULL,0,3,0,NULL);
CREATE TABLE "tag_pulls" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL, "life" INT NOT NULL DEFAULT 0,
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
INSERT INTO "team" VALUES(1,'owners','admin','',1796022166428,3);
INSERT INTO "team" VALUES(2,'readers','member','',1796022166434,3);
INSERT INTO "team" VALUES(3,'owners','admin','',1796022166803,5);
INSERT INTO "team" VALUES(4,'owners','admin','',1796022166964,6);
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
INSERT INTO "team_member" VALUES(3,1,3);
INSERT INTO "team_member" VALUES(4,1,4);
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
INSERT INTO "tortoise_migrations" VALUES(1,'models','0001_initial','2026-11-30 07:02:39.466862+00:00');
INSERT INTO "tortoise_migrations" VALUES(2,'models','0002_partial_indexes','2026-11-30 07:02:39.475566+00:00');
INSERT INTO "tortoise_migrations" VALUES(3,'models','0003_identity','2026-11-30 07:02:39.786987+00:00');
INSERT INTO "tortoise_migrations" VALUES(4,'models','0004_sign_in_failure','2026-11-30 07:02:39.800539+00:00');
INSERT INTO "tortoise_migrations" VALUES(5,'models','0005_token_listing','2026-11-30 07:02:39.805305+00:00');
INSERT INTO "tortoise_migrations" VALUES(6,'models','0006_content_and_audit','2026-11-30 07:02:39.996517+00:00');
INSERT INTO "tortoise_migrations" VALUES(7,'models','0007_audit_daily','2026-11-30 07:02:40.095994+00:00');
INSERT INTO "tortoise_migrations" VALUES(8,'models','0008_tag_expiration','2026-11-30 07:02:40.145439+00:00');
INSERT INTO "tortoise_migrations" VALUES(9,'models','0009_search','2026-11-30 07:02:40.274984+00:00');
INSERT INTO "tortoise_migrations" VALUES(10,'models','0010_artifact_kind','2026-11-30 07:02:40.331335+00:00');
INSERT INTO "tortoise_migrations" VALUES(11,'models','0011_repository_path','2026-11-30 07:02:40.911693+00:00');
INSERT INTO "tortoise_migrations" VALUES(12,'models','0012_deleted_manifest','2026-11-30 07:02:41.024910+00:00');
INSERT INTO "tortoise_migrations" VALUES(13,'models','0013_collection','2026-11-30 07:02:41.175926+00:00');
INSERT INTO "tortoise_migrations" VALUES(14,'models','0014_popularity','2026-11-30 07:02:41.253161+00:00');
INSERT INTO "tortoise_migrations" VALUES(15,'models','0015_ended_early','2026-11-30 07:02:41.371653+00:00');
INSERT INTO "tortoise_migrations" VALUES(16,'models','0016_job_progress','2026-11-30 07:02:41.533922+00:00');
INSERT INTO "tortoise_migrations" VALUES(17,'models','0017_blob_state','2026-11-30 07:02:41.733230+00:00');
INSERT INTO "tortoise_migrations" VALUES(18,'models','0018_known_address','2026-11-30 07:02:41.961949+00:00');
INSERT INTO "tortoise_migrations" VALUES(19,'models','0019_rate_count','2026-11-30 07:02:42.043059+00:00');
INSERT INTO "tortoise_migrations" VALUES(20,'models','0020_span_end','2026-11-30 07:02:42.113959+00:00');
INSERT INTO "tortoise_migrations" VALUES(21,'models','0021_upload_size','2026-11-30 07:02:42.174024+00:00');
INSERT INTO "tortoise_migrations" VALUES(22,'models','0022_email_key','2026-11-30 07:02:42.366541+00:00');
INSERT INTO "tortoise_migrations" VALUES(23,'models','0023_whole_patterns','2026-11-30 07:02:42.971255+00:00');
INSERT INTO "tortoise_migrations" VALUES(24,'models','0024_tag_pusher','2026-11-30 07:02:43.011100+00:00');
INSERT INTO "tortoise_migrations" VALUES(25,'models','0025_tag_life','2026-11-30 07:02:43.110714+00:00');
INSERT INTO "tortoise_migrations" VALUES(26,'models','0026_event_pushes','2026-11-30 07:02:43.135723+00:00');
INSERT INTO "tortoise_migrations" VALUES(27,'models','0027_stored_bytes','2026-11-30 07:02:43.462291+00:00');
INSERT INTO "tortoise_migrations" VALUES(28,'models','0028_quota','2026-11-30 07:02:43.586508+00:00');
INSERT INTO "tortoise_migrations" VALUES(29,'models','0029_reservation','2026-11-30 07:02:43.685514+00:00');
INSERT INTO "tortoise_migrations" VALUES(30,'models','0030_prune_policy','2026-11-30 07:02:43.746326+00:00');
INSERT INTO "tortoise_migrations" VALUES(31,'models','0031_content_use','2026-11-30 07:02:43.925185+00:00');
INSERT INTO "tortoise_migrations" VALUES(32,'models','0032_prune_run','2026-11-30 07:02:43.957557+00:00');
INSERT INTO "tortoise_migrations" VALUES(33,'models','0033_tag_order','2026-11-30 07:02:43.989422+00:00');
INSERT INTO "tortoise_migrations" VALUES(34,'models','0034_inbox','2026-11-30 07:02:44.143104+00:00');
INSERT INTO "tortoise_migrations" VALUES(35,'models','0035_repository_mirror','2026-11-30 07:02:44.189342+00:00');
INSERT INTO "tortoise_migrations" VALUES(36,'models','0036_incoming_upload','2026-11-30 07:02:44.785363+00:00');
INSERT INTO "tortoise_migrations" VALUES(37,'models','0037_authorized_email','2026-11-30 07:02:44.830599+00:00');
INSERT INTO "tortoise_migrations" VALUES(38,'models','0038_proxy_cache','2026-11-30 07:02:45.044575+00:00');
INSERT INTO "tortoise_migrations" VALUES(39,'models','0039_notification','2026-11-30 07:02:45.198078+00:00');
INSERT INTO "tortoise_migrations" VALUES(40,'models','0040_expiry_notice','2026-11-30 07:02:45.217321+00:00');
INSERT INTO "tortoise_migrations" VALUES(41,'models','0041_organization_mirror','2026-11-30 07:02:45.251048+00:00');
INSERT INTO "tortoise_migrations" VALUES(42,'models','0042_held_manifest','2026-11-30 07:02:45.268926+00:00');
INSERT INTO "tortoise_migrations" VALUES(43,'models','0043_notice_repository','2026-11-30 07:02:45.282123+00:00');
INSERT INTO "tortoise_migrations" VALUES(44,'models','0044_extra_cas','2026-11-30 07:02:45.360796+00:00');
INSERT INTO "tortoise_migrations" VALUES(45,'models','0045_counts_of_all','2026-11-30 07:02:45.368453+00:00');
INSERT INTO "tortoise_migrations" VALUES(46,'models','0046_account_listing','2026-11-30 07:02:45.373358+00:00');
INSERT INTO "tortoise_migrations" VALUES(47,'models','0047_user_lists','2026-11-30 07:02:45.388230+00:00');
INSERT INTO "tortoise_migrations" VALUES(48,'models','0048_service_key','2026-11-30 07:02:45.759710+00:00');
INSERT INTO "tortoise_migrations" VALUES(49,'models','0049_build','2026-11-30 07:02:45.819570+00:00');
CREATE TABLE "upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "used_at_ms" BIGINT, "size_bytes" BIGINT NOT NULL DEFAULT 0, "namespace_id" BIGINT, "reserved_bytes" BIGINT NOT NULL DEFAULT 0, "digest" VARCHAR(140), "holder" VARCHAR(36), "held_until_ms" BIGINT);
INSERT INTO "upload" VALUES(1,'11111111-1111-4111-8111-111111111111',1796022166653,1,1,NULL,0,NULL,0,NULL,NULL,NULL);
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
CREATE INDEX "idx_repository_path" ON "repository" ("visibility", "path") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_repository_namespace_listing" ON "repository" ("namespace_id", "visibility", "id") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_repository_namespace_path" ON "repository" ("namespace_id", "visibility", "path") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_repository_visible_name" ON "repository" ("visibility", "name") WHERE "deleted_at_ms" IS NULL;
CREATE TRIGGER repository_path_insert AFTER INSERT ON repository BEGIN UPDATE repository SET path = (SELECT a.name FROM account a WHERE a.id = NEW.namespace_id) || '/' || NEW.name WHERE id = NEW.id; END;
CREATE TRIGGER repository_path_update AFTER UPDATE OF name, namespace_id ON repository BEGIN UPDATE repository SET path = (SELECT a.name FROM account a WHERE a.id = NEW.namespace_id) || '/' || NEW.name WHERE id = NEW.id; END;
CREATE TRIGGER account_path_update AFTER UPDATE OF name ON account WHEN NEW.kind <> 'robot' BEGIN UPDATE repository SET path = NEW.name || '/' || name WHERE namespace_id = NEW.id; END;
CREATE TRIGGER repository_search_public_name_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public' BEGIN INSERT INTO repository_search_public_name (rowid, name) VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER repository_search_public_name_update AFTER UPDATE OF name, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_public_name WHERE rowid = OLD.id; INSERT INTO repository_search_public_name (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public'; END;
CREATE TRIGGER repository_search_public_name_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_public_name WHERE rowid = OLD.id; END;
CREATE TRIGGER repository_search_public_description_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public' BEGIN INSERT INTO repository_search_public_description (rowid, description) VALUES (NEW.id, substr(NEW.description, 1, 2000)); END;
CREATE TRIGGER repository_search_public_description_update AFTER UPDATE OF description, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_public_description WHERE rowid = OLD.id; INSERT INTO repository_search_public_description (rowid, description) SELECT NEW.id, substr(NEW.description, 1, 2000) WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public'; END;
CREATE TRIGGER repository_search_public_description_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_public_description WHERE rowid = OLD.id; END;
CREATE TRIGGER repository_search_private_name_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private' BEGIN INSERT INTO repository_search_private_name (rowid, name) VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER repository_search_private_name_update AFTER UPDATE OF name, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_private_name WHERE rowid = OLD.id; INSERT INTO repository_search_private_name (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private'; END;
CREATE TRIGGER repository_search_private_name_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_private_name WHERE rowid = OLD.id; END;
CREATE TRIGGER repository_search_private_description_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private' BEGIN INSERT INTO repository_search_private_description (rowid, description) VALUES (NEW.id, substr(NEW.description, 1, 2000)); END;
CREATE TRIGGER repository_search_private_description_update AFTER UPDATE OF description, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_private_description WHERE rowid = OLD.id; INSERT INTO repository_search_private_description (rowid, description) SELECT NEW.id, substr(NEW.description, 1, 2000) WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private'; END;
CREATE TRIGGER repository_search_private_description_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_private_description WHERE rowid = OLD.id; END;
CREATE INDEX "idx_manifest_deleted" ON "manifest" ("repository_id", "deleted_digest") WHERE "deleted_digest" IS NOT NULL;
CREATE INDEX "idx_manifest_collected" ON "manifest" ("repository_id", "id") WHERE "collected_at_ms" IS NOT NULL;
CREATE INDEX "idx_manifest_walk" ON "manifest" ("repository_id", "id");
CREATE INDEX "idx_repository_popularity" ON "repository" ("visibility", "popularity_level" DESC, "id" DESC) WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_job_due" ON "job" ("state", "kind", "namespace_id", "run_at_ms", "id");
CREATE INDEX "idx_job_kind" ON "job" ("kind", "id");
CREATE INDEX "idx_job_namespace" ON "job" ("namespace_id", "started_at_ms");
CREATE INDEX "idx_rate_count_began_a_9cacb0" ON "rate_count" ("began_at_ms");
CREATE INDEX "idx_upload_account" ON "upload" ("account_id");
CREATE UNIQUE INDEX "uid_account_email_key" ON "account" ("email_key");
CREATE INDEX "idx_event_pushes" ON "event" ("namespace_id", "id") WHERE "kind" = 'push_repo';
CREATE INDEX "idx_namespace_c_namespa_9fd34d" ON "namespace_content" ("namespace_id", "size_bytes", "id");
CREATE INDEX "idx_repository__namespa_b0f9d9" ON "repository_size" ("namespace_id", "stored_bytes", "repository_id");
CREATE INDEX "idx_storage_sam_day_80c79b" ON "storage_sample" ("day");
CREATE TRIGGER repository_blob_enters AFTER INSERT ON repository_blob BEGIN INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), 0 WHERE 1 ON CONFLICT (namespace_id) DO NOTHING; UPDATE namespace_size SET stored_bytes = stored_bytes + (SELECT size_bytes FROM blob WHERE id = NEW.blob_id) WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND 1 AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND digest = (SELECT digest FROM blob WHERE id = NEW.blob_id) AND is_manifest = 0); INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), (SELECT digest FROM blob WHERE id = NEW.blob_id), 0, (SELECT size_bytes FROM blob WHERE id = NEW.blob_id), 1 WHERE 1 ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1; INSERT INTO repository_size (repository_id, namespace_id, stored_bytes) SELECT NEW.repository_id, (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), (SELECT size_bytes FROM blob WHERE id = NEW.blob_id) WHERE 1 ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes; END;
CREATE TRIGGER repository_blob_leaves AFTER DELETE ON repository_blob BEGIN UPDATE namespace_size SET stored_bytes = stored_bytes - (SELECT size_bytes FROM blob WHERE id = OLD.blob_id) WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = (SELECT digest FROM blob WHERE id = OLD.blob_id) AND is_manifest = 0 AND holders <= 1); UPDATE namespace_content SET holders = holders - 1 WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = (SELECT digest FROM blob WHERE id = OLD.blob_id) AND is_manifest = 0; DELETE FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = (SELECT digest FROM blob WHERE id = OLD.blob_id) AND is_manifest = 0 AND holders <= 0; UPDATE repository_size SET stored_bytes = stored_bytes - (SELECT size_bytes FROM blob WHERE id = OLD.blob_id) WHERE repository_id = OLD.repository_id; END;
CREATE TRIGGER manifest_enters AFTER INSERT ON manifest WHEN NEW.collected_at_ms IS NULL BEGIN INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), 0 WHERE 1 ON CONFLICT (namespace_id) DO NOTHING; UPDATE namespace_size SET stored_bytes = stored_bytes + NEW.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND 1 AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND digest = COALESCE(NEW.deleted_digest, NEW.digest) AND is_manifest = 1); INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), COALESCE(NEW.deleted_digest, NEW.digest), 1, NEW.size_bytes, 1 WHERE 1 ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1; INSERT INTO repository_size (repository_id, namespace_id, stored_bytes) SELECT NEW.repository_id, (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), NEW.size_bytes WHERE 1 ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes; END;
CREATE TRIGGER manifest_leaves AFTER DELETE ON manifest WHEN OLD.collected_at_ms IS NULL BEGIN UPDATE namespace_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 1); UPDATE namespace_content SET holders = holders - 1 WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1; DELETE FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 0; UPDATE repository_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE repository_id = OLD.repository_id; END;
CREATE TRIGGER manifest_collected AFTER UPDATE OF collected_at_ms ON manifest WHEN OLD.collected_at_ms IS NULL AND NEW.collected_at_ms IS NOT NULL BEGIN UPDATE namespace_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 1); UPDATE namespace_content SET holders = holders - 1 WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1; DELETE FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 0; UPDATE repository_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE repository_id = OLD.repository_id; END;
CREATE TRIGGER manifest_stored_again AFTER UPDATE OF collected_at_ms ON manifest WHEN OLD.collected_at_ms IS NOT NULL AND NEW.collected_at_ms IS NULL BEGIN INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), 0 WHERE 1 ON CONFLICT (namespace_id) DO NOTHING; UPDATE namespace_size SET stored_bytes = stored_bytes + NEW.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND 1 AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND digest = COALESCE(NEW.deleted_digest, NEW.digest) AND is_manifest = 1); INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), COALESCE(NEW.deleted_digest, NEW.digest), 1, NEW.size_bytes, 1 WHERE 1 ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1; INSERT INTO repository_size (repository_id, namespace_id, stored_bytes) SELECT NEW.repository_id, (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), NEW.size_bytes WHERE 1 ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes; END;
CREATE INDEX "idx_upload_reserved" ON "upload" ("namespace_id", "reserved_bytes") WHERE "reserved_bytes" > 0;
CREATE INDEX "idx_prune_polic_namespa_8607a8" ON "prune_policy" ("namespace_id");
CREATE INDEX "idx_prune_polic_reposit_dd2d2b" ON "prune_policy" ("repository_id");
CREATE TRIGGER manifest_blob_namespace AFTER INSERT ON manifest_blob WHEN NEW.namespace_id IS NULL BEGIN UPDATE manifest_blob SET namespace_id = (SELECT r.namespace_id FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE m.id = NEW.manifest_id) WHERE id = NEW.id; END;
CREATE TRIGGER manifest_child_namespace AFTER INSERT ON manifest_child WHEN NEW.namespace_id IS NULL BEGIN UPDATE manifest_child SET namespace_id = (SELECT r.namespace_id FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE m.id = NEW.manifest_id) WHERE id = NEW.id; END;
CREATE INDEX "idx_manifest_bl_namespa_ad130d" ON "manifest_blob" ("namespace_id", "digest", "manifest_id");
CREATE INDEX "idx_manifest_ch_namespa_da12d5" ON "manifest_child" ("namespace_id", "digest", "manifest_id");
CREATE INDEX "idx_prune_run_policy__3592c6" ON "prune_run" ("policy_id");
CREATE INDEX "idx_tag_order" ON "tag" ("repository_id", "id");
CREATE INDEX "idx_inbox_notic_created_7f30d4" ON "inbox_notice" ("created_at_ms");
CREATE INDEX "idx_inbox_notic_invite__cf93c0" ON "inbox_notice" ("invite_id");
CREATE INDEX "idx_inbox_notic_account_af271a" ON "inbox_notice" ("account_id", "id");
CREATE INDEX "idx_inbox_notic_team_id_e1a299" ON "inbox_notice" ("team_id", "id");
CREATE INDEX "idx_inbox_dismi_account_be7c3c" ON "inbox_dismissal" ("account_id");
CREATE INDEX "idx_repository__robot_i_bf2cd8" ON "repository_mirror" ("robot_id");
CREATE INDEX "idx_repository__sync_st_c88240" ON "repository_mirror" ("sync_starts_at_ms", "id");
CREATE INDEX "idx_mirror_run_mirror__c78d53" ON "mirror_run" ("mirror_id", "id");
CREATE UNIQUE INDEX "uid_upload_digest" ON "upload" ("repository_id", "digest");
CREATE INDEX "idx_authorized__asked_a_b1f691" ON "authorized_email" ("asked_at_ms");
CREATE INDEX "idx_authorized__namespa_99a59a" ON "authorized_email" ("namespace_id");
CREATE INDEX "idx_notificatio_namespa_70ad03" ON "notification" ("namespace_id");
CREATE INDEX "idx_notificatio_reposit_8b61ee" ON "notification" ("repository_id");
CREATE INDEX "idx_notification_delivery_of" ON "notification_delivery" ("notification_id", "id");
CREATE INDEX "idx_notification_delivery_due" ON "notification_delivery" ("notification_id", "status", "id");
CREATE INDEX "idx_notification_delivery_age" ON "notification_delivery" ("created_at_ms");
CREATE INDEX "idx_expiry_noti_expires_68f1e1" ON "expiry_notice" ("expires_at_ms");
CREATE INDEX "idx_organizatio_robot_i_7a69de" ON "organization_mirror" ("robot_id");
CREATE INDEX "idx_organizatio_sync_st_f5bbfb" ON "organization_mirror" ("sync_starts_at_ms", "id");
CREATE INDEX "idx_held_manife_cache_i_58610d" ON "held_manifest" ("cache_id", "used_at_ms", "manifest_id");
CREATE INDEX "idx_audit_daily_of_all" ON "audit_daily" ("day", "kind", "entries");
CREATE INDEX "idx_account_listing_name" ON "account" ("kind", "name") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_account_listing_id" ON "account" ("kind", "id") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_account_listing_used" ON "account" ("kind", COALESCE("last_accessed_at_ms", 0), "id") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_account_disabled" ON "account" ("id") WHERE NOT "is_enabled";
CREATE INDEX "idx_account_superuser" ON "account" ("id") WHERE "is_superuser";
CREATE INDEX "idx_service_key_service_4def10" ON "service_key" ("service", "id");
CREATE INDEX "idx_inbox_notice_site" ON "inbox_notice" ("id") WHERE account_id IS NULL AND team_id IS NULL;
CREATE INDEX "idx_build_account_ff2f4a" ON "build" ("account_id");
CREATE INDEX "idx_build_robot_i_3b9e4c" ON "build" ("robot_id");
CREATE INDEX "idx_build_reposit_ad1c58" ON "build" ("repository_id", "created_at_ms", "id");
CREATE INDEX "idx_build_phase_869bb8" ON "build" ("phase", "id");
PRAGMA writable_schema=OFF;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tortoise_migrations',49);
INSERT INTO "sqlite_sequence" VALUES('namespace_content',9);
INSERT INTO "sqlite_sequence" VALUES('account',7);
INSERT INTO "sqlite_sequence" VALUES('audit_log',35);
INSERT INTO "sqlite_sequence" VALUES('event',42);
INSERT INTO "sqlite_sequence" VALUES('service_key',1);
INSERT INTO "sqlite_sequence" VALUES('team',4);
INSERT INTO "sqlite_sequence" VALUES('team_member',4);
INSERT INTO "sqlite_sequence" VALUES('robot',2);
INSERT INTO "sqlite_sequence" VALUES('access_token',1);
INSERT INTO "sqlite_sequence" VALUES('app_token',1);
INSERT INTO "sqlite_sequence" VALUES('repository',3);
INSERT INTO "sqlite_sequence" VALUES('repository_permission',5);
INSERT INTO "sqlite_sequence" VALUES('blob',11);
INSERT INTO "sqlite_sequence" VALUES('repository_blob',6);
INSERT INTO "sqlite_sequence" VALUES('manifest',4);
INSERT INTO "sqlite_sequence" VALUES('manifest_blob',6);
INSERT INTO "sqlite_sequence" VALUES('tag',6);
INSERT INTO "sqlite_sequence" VALUES('daily_activity',5);
INSERT INTO "sqlite_sequence" VALUES('manifest_child',2);
INSERT INTO "sqlite_sequence" VALUES('job',7);
INSERT INTO "sqlite_sequence" VALUES('prune_policy',1);
INSERT INTO "sqlite_sequence" VALUES('prune_run',1);
INSERT INTO "sqlite_sequence" VALUES('upload',1);
INSERT INTO "sqlite_sequence" VALUES('repository_mirror',1);
INSERT INTO "sqlite_sequence" VALUES('mirror_run',1);
INSERT INTO "sqlite_sequence" VALUES('quota_notice',1);
INSERT INTO "sqlite_sequence" VALUES('inbox_notice',1);
INSERT INTO "sqlite_sequence" VALUES('inbox_dismissal',1);
INSERT INTO "sqlite_sequence" VALUES('authorized_email',1);
INSERT INTO "sqlite_sequence" VALUES('mail',1);
INSERT INTO "sqlite_sequence" VALUES('expiry_notice',1);
INSERT INTO "sqlite_sequence" VALUES('stray_upload',1);
INSERT INTO "sqlite_sequence" VALUES('storage_sample',1);
INSERT INTO "sqlite_sequence" VALUES('quota',1);
INSERT INTO "sqlite_sequence" VALUES('quota_limit',1);
INSERT INTO "sqlite_sequence" VALUES('proxy_cache',1);
INSERT INTO "sqlite_sequence" VALUES('notification',1);
INSERT INTO "sqlite_sequence" VALUES('notification_delivery',1);
INSERT INTO "sqlite_sequence" VALUES('organization_mirror',1);
INSERT INTO "sqlite_sequence" VALUES('discovered_repository',1);
INSERT INTO "sqlite_sequence" VALUES('context_file',1);
INSERT INTO "sqlite_sequence" VALUES('build',2);
INSERT INTO "sqlite_sequence" VALUES('build_log_line',2);
INSERT INTO "sqlite_sequence" VALUES('build_log_archive',1);
COMMIT;
